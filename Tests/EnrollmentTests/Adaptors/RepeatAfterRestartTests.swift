import AdaptorSupport
import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import EventLog
import HTTPClientKit
import JSON
import Kernel
import RESTSupport
import Storage
import TestSupport
import Testing

@Suite("Keyed requests after the service was stopped and started again")
struct RepeatAfterRestartTests {
  private let harness: ContextHarness
  private let folder: TemporaryFolder
  private let clock = ManualWallClock()

  init() throws {
    self.harness = try ContextHarness(source: "class", migrations: SQLEnrollmentStore.migrations)
    self.folder = try TemporaryFolder()
  }

  /// What was answered, without the one field that names the single request.
  private struct Answer: Equatable {
    let status: Int
    let code: String?
    let body: JSONObject?

    init(_ response: HTTPResponse) {
      self.status = response.status
      self.code = response.json["code"]?.string
      self.body = response.json.object.map { object in
        JSONObject(object.members.filter { $0.name != "request_id" })
      }
    }
  }

  @Test("T17: each gets its first status and body, though the world has changed since")
  func sameAnswers() async throws {
    let requests = [
      (key: "registered", body: #"{"courseId": 1, "student": "a"}"#),
      (key: "declined", body: #"{"courseId": 1, "student": "b"}"#),
      (key: "pending", body: #"{"courseId": 1, "student": "c"}"#),
      (key: "twice", body: #"{"courseId": 1, "student": "a"}"#),
      (key: "full", body: #"{"courseId": 1, "student": "d"}"#),
      (key: "fee", body: #"{"courseId": 1, "student": "e", "fee": 1}"#),
      (key: "missing", body: #"{"courseId": 9, "student": "e"}"#),
      (key: "waiting", body: #"{"courseId": 1, "student": "d"}"#),
    ]
    let send: @Sendable (HTTPClient) async throws -> [Answer] = { http in
      var answers: [Answer] = []
      for request in requests {
        answers.append(
          Answer(
            try await http.request(
              "POST", request.key == "waiting" ? "/waitlist" : "/classes",
              headers: [("Idempotency-Key", request.key)], body: request.body)))
      }
      return answers
    }
    let first = try await self.serving { classes, http in
      try await classes.hear(CourseNews.registered(1, capacity: 2))
      classes.gateway.next(.approved(PaymentID(1)))
      classes.gateway.next(.declined(reason: "over-limit"))
      classes.gateway.next(.unknown(reason: "timeout"))
      classes.catalog.next(.unknown(reason: "down"))
      classes.catalog.next(.noSuchCourse)
      return try await send(http)
    }
    #expect(first.map(\.status) == [201, 402, 202, 409, 409, 409, 404, 201])
    #expect(
      first.map(\.code) == [
        nil, "payment-declined", nil, "already-enrolled", "course-full", "fee-mismatch",
        "not-found", nil,
      ])

    let again = try await self.serving { classes, http in
      // Everything would be decided otherwise now.
      try await classes.application.cancel(ClassID(1), by: EnrollmentHarness.caller)
      try await classes.hear(
        CourseNews.modified(2, fee: 1), CourseNews.registered(3, course: 9))
      _ = try await classes.settle()
      let answers = try await send(http)
      #expect(classes.gateway.requests.count == 1, "only the pending class was asked for again")
      #expect(try await classes.seatsAreRight())
      return answers
    }
    #expect(again == first)
  }

  @Test(
    "T17: another body is 422; a request nobody could decide, or that was wrong, may come again")
  func otherBodies() async throws {
    try await self.serving { classes, http in
      func status(_ key: String, _ body: String) async throws -> Int {
        try await http.request(
          "POST", "/classes", headers: [("Idempotency-Key", key)], body: body
        ).status
      }
      #expect(try await status("k-1", #"{"courseId": 1, "student": "a"}"#) == 503)
      #expect(try await status("k-2", #"{"courseId": 1, "student": " "}"#) == 422)
      try await classes.hear(CourseNews.registered(1, capacity: 1))
      #expect(try await status("k-1", #"{"courseId": 1, "student": "a"}"#) == 201)
      #expect(try await status("k-2", #"{"courseId": 1, "student": "b"}"#) == 409)
    }
    try await self.serving { _, http in
      for (key, student) in [("k-1", "b"), ("k-2", "a")] {
        let reused = try await http.request(
          "POST", "/classes", headers: [("Idempotency-Key", key)],
          body: #"{"courseId": 1, "student": "\#(student)"}"#)
        #expect(reused.status == 422)
        #expect(reused.json["code"] == "idempotency-key-reused")
      }
    }
  }

  @Test("T2, T17: who asks again after a crash waits, then hears what became of the class")
  func diedInFlight() async throws {
    let body = #"{"courseId": 1, "student": "a"}"#
    let headers = [("Idempotency-Key", "k-1")]
    try await self.serving { classes, http in
      try await classes.hear(CourseNews.registered(1, capacity: 1))
      classes.gateway.next { _ in
        await classes.database.close()
        return .approved(PaymentID(1))
      }
      let unknown = try await http.request("POST", "/classes", headers: headers, body: body)
      #expect(unknown.status == 503)
    }
    try await self.serving { classes, http in
      let early = try await http.request("POST", "/classes", headers: headers, body: body)
      #expect(early.status == 409)
      #expect(early.json["code"] == "idempotency-in-progress")
      #expect(try await classes.settle() == Settlement(settled: 1, remaining: 0))
      let settled = try await http.request("POST", "/classes", headers: headers, body: body)
      #expect(settled.status == 201)
      let again = try await http.request("POST", "/classes", headers: headers, body: body)
      #expect(again.text == settled.text)
      #expect(classes.gateway.requests.count == 1)
      #expect(try await classes.seatsAreRight())
    }
  }

  @Test("T17: an answer is kept for 24 hours, and each caller has keys of his own")
  func kept() async throws {
    try await self.serving { classes, _ in
      try await classes.hear(CourseNews.registered(1))
      let key = try IdempotencyKey("k-1")
      func register(_ caller: String, _ student: String) async throws -> Enrollment {
        try await classes.application.register(
          RegisterClass(courseID: CourseID(1), student: student),
          by: Caller(name: caller, requestID: "request-1"), key: key)
      }
      let first = try await register("kim", "a")
      #expect(try await register("lee", "b").student == "b")
      classes.clock.advance(seconds: 24 * 3600)
      #expect(try await classes.forgetOldCommands() == 0)
      #expect(try await register("kim", "a") == first)
      classes.clock.advance(seconds: 1)
      #expect(try await classes.forgetOldCommands() == 2)
      #expect(await problem { try await register("kim", "a") }?.code == "already-enrolled")
    }
  }

  /// Opens the database, serves on it while `body` runs, and closes it.
  @discardableResult
  private func serving<Answer: Sendable>(
    _ body: @escaping @Sendable (RestartableEnrollment, HTTPClient) async throws -> Answer
  ) async throws -> Answer {
    let classes = try RestartableEnrollment(
      path: self.folder.path + "/class.sqlite", clock: self.clock)
    let answer = try await self.harness.withREST(classes.adaptors) {
      try await body(classes, $0)
    }
    await classes.database.close()
    return answer
  }
}

/// Enrollment on a database that outlives it.
private struct RestartableEnrollment {
  let database: SQLiteDatabase
  let context: SQLContext
  let store: SQLEnrollmentStore
  let clock: ManualWallClock
  let gateway = ScriptedGateway()
  let catalog = ScriptedCatalog()

  init(path: String, clock: ManualWallClock) throws {
    self.clock = clock
    self.database = try SQLiteDatabase(
      path: path, migrations: SQLEnrollmentStore.migrations, logger: ContextHarness.quiet)
    self.context = SQLContext(
      database: self.database, outbox: Outbox(source: "class", database: self.database),
      clock: clock)
    self.store = SQLEnrollmentStore(self.context)
  }

  var application: EnrollmentApplication {
    EnrollmentApplication(
      store: self.store, gateway: self.gateway, catalog: self.catalog, clock: self.clock)
  }

  func adaptors(_ links: Links) -> [any RESTAdaptor] {
    [
      EnrollmentRESTAdaptor(port: self.application, links: links),
      WaitlistRESTAdaptor(
        port: WaitlistApplication(store: self.store, catalog: self.catalog), links: links),
    ]
  }

  func hear(_ news: EventsV1.Event...) async throws {
    let intake = EventIntake(
      handler: EnrollmentEventAdaptor(self.context), database: self.database, clock: self.clock,
      logger: ContextHarness.quiet)
    try await intake.take(news, logID: "log")
  }

  func settle() async throws -> Settlement {
    try await SettlePending(store: self.store, gateway: self.gateway)
      .perform(acceptedBefore: self.clock.now().adding(seconds: 1), atMost: 10)
  }

  func forgetOldCommands() async throws -> Int {
    let now = self.clock.now()
    return try await self.database.write { try SQLCommandMemory.forgetOld(now: now, in: $0) }
  }

  func seatsAreRight() async throws -> Bool {
    try await SeatCount.isRight(of: 1, in: self.database)
  }
}
