import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import EventLog
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import RESTSupport
import Storage

/// Enrollment behind a waiting room on SQLite; Pay and Course are played by scripts.
struct WaitingRoomHarness {
  /// Both ports, as their callers reach them.
  struct Ports: Sendable {
    let room: any WaitingRoomPort
    let classes: any EnrollmentPort
  }

  let harness: ContextHarness
  let gateway = ScriptedGateway()
  let catalog = ScriptedCatalog()
  let policy: WaitingRoomPolicy
  let room: WaitingRoom
  let application: EnrollmentApplication

  init(
    _ mode: WaitingRoomPolicy.Mode = .auto, limit: Int = 2, ticketSeconds: Int = 60,
    turnSeconds: Int = 120
  ) throws {
    self.policy = WaitingRoomPolicy(
      mode: mode, limit: limit, ticketSeconds: ticketSeconds, turnSeconds: turnSeconds)
    self.harness = try ContextHarness(
      source: "class",
      migrations: SQLEnrollmentStore.migrations + SQLWaitingRoomStore.migrations)
    self.room = Self.room(self.policy, self.harness, self.catalog)
    self.application = EnrollmentApplication(
      store: SQLEnrollmentStore(self.harness.context), gateway: self.gateway,
      catalog: self.catalog, clock: self.harness.clock, waitingRoom: self.room)
  }

  private static func room(
    _ policy: WaitingRoomPolicy, _ harness: ContextHarness, _ catalog: ScriptedCatalog
  ) -> WaitingRoom {
    WaitingRoom(
      policy, store: SQLWaitingRoomStore(harness.context), catalog: catalog,
      clock: harness.clock)
  }

  /// The waiting room of a process that starts on the same data.
  var restarted: WaitingRoom { Self.room(self.policy, self.harness, self.catalog) }

  var store: SQLWaitingRoomStore { SQLWaitingRoomStore(self.harness.context) }

  /// Runs `body` with the ports as their callers reach them, with courses 1 and 2, and course 3 of
  /// one seat.
  func with(
    _ way: Way, _ body: @escaping @Sendable (Ports) async throws -> Void
  ) async throws {
    try await self.offerCourses()
    let room = self.room
    let application = self.application
    switch way {
    case .application:
      try await body(Ports(room: room, classes: application))
    case .rpc:
      let services = [
        EnrollmentV1.EnrollmentService.register(EnrollmentRPCAdaptor(port: application)),
        EnrollmentV1.WaitingRoomService.register(WaitingRoomRPCAdaptor(port: room)),
      ]
      try await self.harness.withRPC(services) {
        try await body(
          Ports(
            room: WaitingRoomRPCClient($0, timeout: ContextHarness.patience),
            classes: EnrollmentRPCClient($0, timeout: ContextHarness.patience)))
      }
    case .rest:
      let acceptedAt = self.harness.clock.now()
      try await self.withREST { http in
        try await body(
          Ports(
            room: RESTWaitingRoomPort(http: http),
            classes: RESTEnrollmentPort(
              http: http, commands: application, acceptedAt: acceptedAt)))
      }
    }
  }

  func withREST(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
    let room = self.room
    let application = self.application
    try await self.harness.withREST(
      {
        [
          EnrollmentRESTAdaptor(port: application, links: $0),
          WaitingRoomRESTAdaptor(port: room, links: $0),
        ]
      }, body)
  }

  func offerCourses() async throws {
    try await self.harness.tell(
      [
        CourseNews.registered(1), CourseNews.registered(2, course: 2),
        CourseNews.registered(3, course: 3, capacity: 1),
      ],
      to: [EnrollmentEventAdaptor(self.harness.context)])
  }

  static let caller = EnrollmentHarness.caller

  static func wish(_ student: String, course: Int64 = 1) -> TakeTicket {
    TakeTicket(student: student, courseID: CourseID(course))
  }

  static func command(
    _ student: String, course: Int64 = 1, ticket: WaitingToken? = nil
  ) -> RegisterClass {
    RegisterClass(
      courseID: CourseID(course), student: student, waitingTicket: ticket?.value)
  }
}

extension WaitingRoomHarness.Ports {
  func take(_ student: String, course: Int64 = 1) async throws -> WaitingToken {
    try await self.room.takeTicket(
      WaitingRoomHarness.wish(student, course: course), by: WaitingRoomHarness.caller
    ).standing.ticket.token
  }

  func register(
    _ student: String, course: Int64 = 1, ticket: WaitingToken? = nil,
    key: IdempotencyKey? = nil
  ) async throws -> Enrollment {
    try await self.classes.register(
      WaitingRoomHarness.command(student, course: course, ticket: ticket),
      by: WaitingRoomHarness.caller, key: key)
  }

  /// The code of the refusal; nil when the student is enrolled.
  func refusal(
    _ student: String, course: Int64 = 1, ticket: WaitingToken? = nil
  ) async -> String? {
    await problem {
      try await self.register(student, course: course, ticket: ticket)
    }?.code
  }

  func state(_ token: WaitingToken) async throws -> WaitingTicket.State {
    try await self.room.ticket(token.value).ticket.state
  }
}

/// The waiting room's port as a REST client sees it.
struct RESTWaitingRoomPort: WaitingRoomPort {
  let http: HTTPClient

  func takeTicket(_ wish: TakeTicket, by caller: Caller) async throws -> TakenTicket {
    let body: JSONValue = [
      "student": .string(wish.student), "courseId": .integer(wish.courseID.value),
    ]
    let answer = try await self.http.by(caller).request("POST", "/waiting-room", body: body.text())
    guard [200, 201].contains(answer.status) else {
      throw try await self.http.by(caller).send(
        "POST", "/waiting-room", body: body.text(), expecting: 200
      )
      .unexpected(wanted: "the same refusal again")
    }
    return TakenTicket(standing: try self.standing(answer), isNew: answer.status == 201)
  }

  func ticket(_ token: String, by caller: Caller) async throws -> WaitingStanding {
    let answer = try await self.http.by(caller).request("GET", "/waiting-room/\(token)")
    guard answer.status == 200 else {
      throw try await self.http.by(caller).resource("/waiting-room/\(token)").unexpected(
        wanted: "a refusal")
    }
    return try self.standing(answer)
  }

  func leave(_ token: String, by caller: Caller) async throws {
    try await self.http.by(caller).send("DELETE", "/waiting-room/\(token)", expecting: 204)
  }

  func status() async throws -> WaitingRoomStatus {
    let json = try await self.http.resource("/waiting-room")
    return WaitingRoomStatus(
      mode: try json.value("mode", WaitingRoomPolicy.Mode.init(rawValue:)),
      waiting: Int(try json.integer("waiting")), turns: Int(try json.integer("turns")),
      registrations: Int(try json.integer("registrations")), limit: Int(try json.integer("limit")),
      admissionsPerSecond: Double(try json.integer("admissionsPerMinute")) / 60)
  }

  private func standing(_ answer: HTTPResponse) throws -> WaitingStanding {
    let json = answer.json
    let href = try json.member("_links").member("self").text("href")
    guard let token = href.split(separator: "/").last.flatMap({ WaitingToken(String($0)) }) else {
      throw json.unexpected(wanted: "a token in \(href)")
    }
    let ticket = WaitingTicket(
      token: token, sequence: 0, student: try json.text("student"),
      courseID: CourseID(try json.integer("courseId")), takenAt: Timestamp(microseconds: 0),
      state: try json.value("state", WaitingTicket.State.init(rawValue:)),
      turnExpiresAt: json["turnExpiresAt"]?.string.flatMap { Timestamp(rfc3339: $0) })
    return WaitingStanding(
      ticket: ticket, position: json["position"]?.int64.map { Int($0) },
      estimatedWaitSeconds: json["estimatedWaitSeconds"]?.int64.map { Int($0) },
      retryAfterSeconds: answer.header("Retry-After").flatMap { Int($0) })
  }
}
