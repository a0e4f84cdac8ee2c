import AdaptorSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import FramedRPC

/// Joins the waiting room to its adaptors, in the service of the enrollments.
enum WaitingRoomComposition {
  static func compose(
    _ environment: ServiceEnvironment, _ context: SQLContext, catalog: any CourseCatalog,
    in parts: inout ServiceParts
  ) -> WaitingRoom {
    let room = WaitingRoom(
      environment.settings.waitingRoom.policy, store: SQLWaitingRoomStore(context),
      catalog: catalog, clock: SteadyWallClock())
    parts.rpcServices.append(
      // It is how a rush is borne.
      EnrollmentV1.WaitingRoomService.register(WaitingRoomRPCAdaptor(port: room), on: .eventLoop)
        .prioritized(.critical))
    parts.restAdaptors.append(WaitingRoomRESTAdaptor(port: room, links: environment.links))
    parts.background.append(
      RecoveryLoop("waiting room", every: .milliseconds(500), logger: environment.logger) {
        try await room.settle()
      })
    parts.background.append(
      RecoveryLoop("forget old tickets", every: .seconds(60), logger: environment.logger) {
        try await room.forgetOld()
      })
    return room
  }
}
