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
    let (policy, store) = (
      environment.settings.waitingRoom.policy, SQLWaitingRoomStore(context)
    )
    let room: WaitingRoom
    if let simulated = environment.simulated {
      room = WaitingRoom(policy, store: store, catalog: catalog, clock: simulated.steadyClock) {
        var generator = SimulatedGenerator(simulated: simulated)
        return WaitingToken(using: &generator)
      }
    } else {
      room = WaitingRoom(policy, store: store, catalog: catalog, clock: SteadyWallClock())
    }
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

private struct SimulatedGenerator: RandomNumberGenerator {
  let simulated: SimulatedSurroundings

  func next() -> UInt64 { self.simulated.random() }
}
