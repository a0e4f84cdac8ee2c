import AdaptorTestSupport
import Contracts
import CourseAdaptors
import CourseCore
import EventLog
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import RESTSupport

/// Course on SQLite, reached in one of the three ways; Enrollment's desk is played by a script.
struct CourseHarness {
  let harness: ContextHarness
  let store: SQLCourseStore
  let desk: ScriptedDesk
  let application: CourseApplication

  init(deskSays answers: [ClosingAnswer] = []) throws {
    self.harness = try ContextHarness(source: "course", migrations: SQLCourseStore.migrations)
    self.store = SQLCourseStore(self.harness.context)
    self.desk = ScriptedDesk(answers)
    self.application = CourseApplication(
      store: self.store, desk: self.desk, clock: self.harness.clock)
  }

  /// Runs `body` with the port as its callers reach it.
  func with(
    _ way: Way, _ body: @escaping @Sendable (any CoursePort) async throws -> Void
  ) async throws {
    let application = self.application
    switch way {
    case .application:
      try await body(application)
    case .rpc:
      let service = CourseV1.CourseService.register(CourseRPCAdaptor(port: application))
      try await self.harness.withRPC([service]) {
        try await body(CourseRPCClient($0, timeout: ContextHarness.patience))
      }
    case .rest:
      try await self.withREST { try await body(RESTCoursePort(http: $0)) }
    }
  }

  func withREST(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
    let application = self.application
    try await self.harness.withREST(
      { [CourseRESTAdaptor(port: application, links: $0)] }, body)
  }

  /// Course as it follows Pay's feed.
  var intake: EventIntake {
    self.harness.intake(CourseEventAdaptor(self.harness.context, source: "pay"))
  }

  func tell(_ events: [EventsV1.Event], _ delivery: EventPath = .throughInbox) async throws {
    let handlers = CourseEventAdaptor.sources.map {
      CourseEventAdaptor(self.harness.context, source: $0)
    }
    try await self.harness.tell(events, to: handlers, delivery)
  }

  func finishClosings() async throws -> Settlement {
    self.harness.clock.advance(seconds: 1)
    return try await FinishClosings(store: self.store, desk: self.desk)
      .perform(since: self.harness.clock.now(), atMost: 10)
  }

  func finishCancellations() async throws -> Settlement {
    try await FinishCancellations(store: self.store, desk: self.desk).perform(atMost: 10)
  }

  static let caller = Caller(requestID: "request-1")

  static func command(
    name: String = "korean", fee: Int64 = 10_000, textBook: String = "kor_book"
  ) throws -> RegisterCourse {
    RegisterCourse(
      name: name, teacher: "hong-gil-dong", fee: try Money(won: fee), textBook: textBook)
  }
}

/// What Pay tells of payment 5 for class 1, unless told otherwise.
enum PaymentNews {
  static func approved(
    _ sequence: Int64, payment: Int64 = 5, class classID: Int64 = 1, textBook: String = "kor_book",
    student: String = "john-doe"
  ) throws -> EventsV1.Event {
    try .told(
      "pay", sequence, about: classID,
      PayV1.PaymentApproved(
        id: payment, classID: classID, courseID: 3, fee: 10_000, student: student,
        status: "PAYMENT_COMPLETED", textBook: textBook))
  }

  static func canceled(
    _ sequence: Int64, payment: Int64 = 5, class classID: Int64 = 1, textBook: String = "kor_book",
    student: String = "john-doe"
  ) throws -> EventsV1.Event {
    try .told(
      "pay", sequence, about: classID,
      PayV1.PaymentCanceled(
        id: payment, classID: classID, courseID: 3, fee: 10_000, student: student,
        status: "CANCEL", textBook: textBook))
  }
}
