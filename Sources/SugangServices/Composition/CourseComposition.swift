import Contracts
import CourseAdaptors
import CourseCore
import FramedRPC
import Kernel

/// Joins Course's core, with its deliveries, to its adaptors.
enum CourseComposition {
  /// A course that has been closing for longer was left so by a crash, in seconds.
  static let closingGraceSeconds: Int64 = 5

  static func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
    var (parts, context) = try environment.partsWithStorage(
      migrations: SQLCourseStore.migrations)
    let store = SQLCourseStore(context)
    let desk = RPCEnrollmentDesk(environment.guarded(.class, in: &parts))
    let application = CourseApplication(store: store, desk: desk, clock: environment.clock)
    parts.rpcServices.append(
      CourseV1.CourseService.register(CourseRPCAdaptor(port: application), on: .eventLoop))
    parts.restAdaptors.append(CourseRESTAdaptor(port: application, links: environment.links))
    for source in CourseEventAdaptor.sources {
      parts.background.append(
        try environment.consumer(
          CourseEventAdaptor(context, source: source), context, lettingCallsGoFirst: true))
    }
    let finishCancellations = FinishCancellations(store: store, desk: desk)
    parts.background.append(
      RecoveryLoop(
        "finish cancellations", every: .milliseconds(250), logger: environment.logger
      ) { try await finishCancellations.perform(atMost: 64) })
    let finishClosings = FinishClosings(store: store, desk: desk)
    let clock = environment.clock
    parts.background.append(
      RecoveryLoop("finish closings", every: .seconds(1), logger: environment.logger) {
        try await finishClosings.perform(
          since: clock.now().adding(seconds: -Self.closingGraceSeconds), atMost: 64)
      })
    return parts
  }
}
