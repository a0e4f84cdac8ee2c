import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import FramedRPC
import Kernel

/// Joins Enrollment's core to its adaptors, and to Pay behind a breaker, a bulkhead and a fallback.
enum EnrollmentComposition {
  /// A class that has been pending for longer waits for nobody's answer any more, in seconds.
  static let pendingGraceSeconds: Int64 = 2
  /// Most pending classes, or offers of a seat, in one round.
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
    let seats = SeatPolicy(offerSeconds: settings.seatOfferSeconds)
    let waitingRoom = WaitingRoomComposition.compose(
      environment, context, catalog: catalog, in: &parts)
    let application = EnrollmentApplication(
      store: store, gateway: gateway, catalog: catalog, clock: environment.clock, seats: seats,
      waitingRoom: waitingRoom)
    let waitlist = WaitlistApplication(store: store, catalog: catalog, seats: seats)
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
    parts.rpcServices.append(
      EnrollmentV1.EnrollmentAuditService.register(
        EnrollmentAuditRPCAdaptor(
          port: AuditEnrollments(store: store, gateway: gateway, seats: seats)),
        on: .eventLoop))
    parts.rpcServices.append(
      EnrollmentV1.WaitlistService.register(WaitlistRPCAdaptor(port: waitlist), on: .eventLoop))
    parts.restAdaptors = [
      EnrollmentRESTAdaptor(port: application, links: environment.links),
      WaitlistRESTAdaptor(port: waitlist, links: environment.links),
    ]
    parts.background.append(
      try environment.consumer(EnrollmentEventAdaptor(context, seats: seats), context))
    parts.background.append(
      try environment.consumer(RefundEventAdaptor(context, seats: seats), context))
    parts.background += self.recovery(environment, store, gateway, seats)
    return parts
  }

  /// What finishes the things that wait for an answer, or for somebody who does not come.
  private static func recovery(
    _ environment: ServiceEnvironment, _ store: SQLEnrollmentStore, _ gateway: RPCPaymentGateway,
    _ seats: SeatPolicy
  ) -> [RecoveryLoop] {
    let settlePending = SettlePending(store: store, gateway: gateway, seats: seats)
    let timeOutPending = TimeOutPending(store: store, seats: seats)
    let cancelClasses = CancelClasses(store: store)
    let expireOffers = ExpireOffers(store: store, seats: seats)
    let clock = environment.clock
    let pendingLimit = environment.settings.pendingLimitSeconds
    return [
      RecoveryLoop("settle pending", every: .milliseconds(250), logger: environment.logger) {
        try await settlePending.perform(
          acceptedBefore: clock.now().adding(seconds: -Self.pendingGraceSeconds),
          atMost: Self.settledAtOnce)
      },
      RecoveryLoop("time out pending", every: .seconds(1), logger: environment.logger) {
        try await timeOutPending.perform(
          acceptedBefore: clock.now().adding(seconds: -pendingLimit),
          atMost: Self.settledAtOnce)
      },
      RecoveryLoop("expire offers", every: .seconds(1), logger: environment.logger) {
        try await expireOffers.perform(at: clock.now(), atMost: Self.settledAtOnce)
      },
      RecoveryLoop("cancel classes", every: .milliseconds(250), logger: environment.logger) {
        try await cancelClasses.perform()
      },
    ]
  }
}
