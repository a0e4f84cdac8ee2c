import AdaptorSupport
import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import EventLog
import FramedRPC
import HTTPClientKit
import Kernel
import RESTSupport

/// Enrollment on SQLite, reached in one of the three ways; Pay and Course are played by scripts.
struct EnrollmentHarness {
  let harness: ContextHarness
  let store: SQLEnrollmentStore
  let gateway = ScriptedGateway()
  let catalog = ScriptedCatalog()
  let application: EnrollmentApplication
  let waitlist: WaitlistApplication

  init() throws {
    self.harness = try ContextHarness(
      source: "class", migrations: SQLEnrollmentStore.migrations)
    self.store = SQLEnrollmentStore(self.harness.context)
    self.application = EnrollmentApplication(
      store: self.store, gateway: self.gateway, catalog: self.catalog,
      clock: self.harness.clock)
    self.waitlist = WaitlistApplication(store: self.store, catalog: self.catalog)
  }

  /// Runs `body` with the port as its callers reach it.
  func with(
    _ way: Way, _ body: @escaping @Sendable (any EnrollmentPort) async throws -> Void
  ) async throws {
    let application = self.application
    switch way {
    case .application:
      try await body(application)
    case .rpc:
      let service = EnrollmentV1.EnrollmentService.register(
        EnrollmentRPCAdaptor(port: application))
      try await self.harness.withRPC([service]) {
        try await body(EnrollmentRPCClient($0, timeout: ContextHarness.patience))
      }
    case .rest:
      let acceptedAt = self.harness.clock.now()
      try await self.withREST { http in
        try await body(
          RESTEnrollmentPort(http: http, commands: application, acceptedAt: acceptedAt))
      }
    }
  }

  func withREST(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
    let application = self.application
    let waitlist = self.waitlist
    try await self.harness.withREST(
      {
        [
          EnrollmentRESTAdaptor(port: application, links: $0),
          WaitlistRESTAdaptor(port: waitlist, links: $0),
        ]
      }, body)
  }

  /// Runs `body` with the port of the line as its callers reach it.
  func withLine(
    _ way: Way, _ body: @escaping @Sendable (any WaitlistPort) async throws -> Void
  ) async throws {
    let waitlist = self.waitlist
    switch way {
    case .application:
      try await body(waitlist)
    case .rpc:
      let service = EnrollmentV1.WaitlistService.register(WaitlistRPCAdaptor(port: waitlist))
      try await self.harness.withRPC([service]) {
        try await body(WaitlistRPCClient($0, timeout: ContextHarness.patience))
      }
    case .rest:
      try await self.withREST { try await body(RESTWaitlistPort(http: $0)) }
    }
  }

  /// Enrollment as it follows Course's feed.
  var intake: EventIntake {
    EventIntake(
      handler: EnrollmentEventAdaptor(self.harness.context), database: self.harness.database,
      clock: self.harness.clock, logger: ContextHarness.quiet)
  }

  /// Course tells of course 1, unless told otherwise.
  func hear(_ news: EventsV1.Event...) async throws {
    try await self.intake.take(news, logID: "log")
  }

  /// The own copy of a course.
  func copy(of id: Int64 = 1) async throws -> OfferedCourse? {
    try await self.store.transact(because: Cause(id: "test")) { try $0.course(CourseID(id)) }
  }

  func settle() async throws -> Settlement {
    try await SettlePending(store: self.store, gateway: self.gateway)
      .perform(acceptedBefore: self.harness.clock.now().adding(seconds: 1), atMost: 10)
  }

  /// One round, as after a start of the service: nothing is kept between rounds.
  func cancelClasses() async throws -> Settlement {
    try await CancelClasses(store: self.store).perform()
  }

  func expireOffers() async throws -> Settlement {
    try await ExpireOffers(store: self.store).perform(at: self.harness.clock.now(), atMost: 100)
  }

  func timeOut(after seconds: Int64 = 600) async throws -> Settlement {
    try await TimeOutPending(store: self.store)
      .perform(acceptedBefore: self.harness.clock.now().adding(seconds: -seconds), atMost: 100)
  }

  func seatsAreRight() async throws -> Bool {
    try await SeatCount.isRight(of: 1, in: self.harness.database)
  }

  static let caller = Caller(requestID: "request-1")

  static func command(
    course: Int64 = 1, student: String = "john-doe", fee: Int64? = nil
  ) throws -> RegisterClass {
    RegisterClass(
      courseID: CourseID(course), student: student,
      expectedFee: try fee.map { try Money(won: $0) })
  }
}

/// What Course tells of course 1, unless told otherwise.
enum CourseNews {
  static func registered(
    _ sequence: Int64, course: Int64 = 1, fee: Int64 = 10_000, textBook: String = "kor_book",
    capacity: Int64? = nil, maxPerStudent: Int64? = nil
  ) throws -> EventsV1.Event {
    let message = CourseV1.CourseRegistered(
      id: course, name: "korean", teacher: "hong-gil-dong", fee: fee, textBook: textBook,
      capacity: capacity, maxPerStudent: maxPerStudent)
    return try .told("course", sequence, about: .course(CourseID(course)), message)
  }

  static func modified(
    _ sequence: Int64, course: Int64 = 1, fee: Int64 = 10_000, textBook: String = "new_book",
    capacity: Int64? = nil, maxPerStudent: Int64? = nil
  ) throws -> EventsV1.Event {
    let message = CourseV1.CourseModified(
      id: course, name: "korean", teacher: "hong-gil-dong", fee: fee, textBook: textBook,
      capacity: capacity, maxPerStudent: maxPerStudent)
    return try .told("course", sequence, about: .course(CourseID(course)), message)
  }

  static func canceled(_ sequence: Int64, course: Int64 = 1) throws -> EventsV1.Event {
    let message = CourseV1.CourseCanceled(id: course, name: "korean", teacher: "hong-gil-dong")
    return try .told("course", sequence, about: .course(CourseID(course)), message)
  }

  static func deleted(_ sequence: Int64, course: Int64 = 1) throws -> EventsV1.Event {
    let message = CourseV1.CourseDeleted(id: course, name: "korean", teacher: "hong-gil-dong")
    return try .told("course", sequence, about: .course(CourseID(course)), message)
  }
}
