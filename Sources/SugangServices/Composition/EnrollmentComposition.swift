import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import FramedRPC
import Kernel

/// Joins Enrollment's core to its adaptors, and to Pay behind a breaker, a bulkhead and a fallback.
enum EnrollmentComposition {
  /// A class that has been pending for longer waits for nobody's answer any more, in seconds.
  static let pendingGraceSeconds: Int64 = 2
  /// Most pending classes in one round.
  static let settledAtOnce = 256

  static func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
    var (parts, context) = try environment.partsWithStorage(
      migrations: SQLEnrollmentStore.migrations + SQLWaitingRoomStore.migrations)
    let store = SQLEnrollmentStore(context)
    let settings = environment.settings
    let pay = environment.guarded(.pay, in: &parts)
    let course = environment.guarded(.course, in: &parts)
    let gateway = RPCPaymentGateway(pay, timeout: settings.callTimeout)
    let catalog = RPCCourseCatalog(course, timeout: settings.callTimeout)
    let waitingRoom = WaitingRoomComposition.compose(
      environment, context, catalog: catalog, in: &parts)
    let application = EnrollmentApplication(
      store: store, gateway: gateway, catalog: catalog, clock: environment.clock,
      waitingRoom: waitingRoom)
    parts.rpcServices.append(
      EnrollmentV1.EnrollmentService.register(
        EnrollmentRPCAdaptor(port: application), on: .eventLoop
      )
      // Places are short, lists can wait; Pay inherits it.
      .prioritized(
        .critical,
        [
          EnrollmentV1.EnrollmentService.enroll.fullName,
          EnrollmentV1.EnrollmentService.cancelEnrollment.fullName,
        ]))
    parts.restAdaptors.append(
      EnrollmentRESTAdaptor(port: application, links: environment.links))
    parts.background.append(try environment.consumer(EnrollmentEventAdaptor(context), context))
    parts.background.append(try environment.consumer(RefundEventAdaptor(context), context))
    let settlePending = SettlePending(store: store, gateway: gateway)
    let clock = environment.clock
    parts.background.append(
      RecoveryLoop("settle pending", every: .milliseconds(250), logger: environment.logger) {
        try await settlePending.perform(
          acceptedBefore: clock.now().adding(seconds: -Self.pendingGraceSeconds),
          atMost: Self.settledAtOnce)
      })
    return parts
  }
}
