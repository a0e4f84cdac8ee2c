import HTTPClientKit
import JSON
import Synchronization
import SystemHarness
import Testing

@Suite("The waiting room in front of real processes", .serialized)
struct WaitingRoomTests {
  private static let students = 200
  private static let limit = 20

  @Test("T43: 200 students, 20 at a time, class killed in the middle: all enroll, in their order")
  func rush() async throws {
    let system = try await RunningSugang.start(
      flags: [
        "--waiting-room", "on", "--waiting-room-limit", "\(Self.limit)",
        // No ticket expires because the machine is busy.
        "--waiting-ticket-seconds", "600", "--waiting-turn-seconds", "600",
      ])
    let course = try await system.registerCourse()
    let refused = try await system.enroll("student-0", course: course)
    #expect(refused.status == 429)
    #expect(refused.header("Retry-After") != nil)
    let rush = Rush(system: system, course: course)
    for number in 0..<Self.students {
      let taken = try await rush.take(number)
      #expect(taken.status == 201)
      #expect(
        taken.json["position"]?.int64
          == (number < Self.limit ? nil : Int64(number - Self.limit + 1)))
    }
    var round = 0
    while !rush.waiting.isEmpty {
      round += 1
      // At most the limit has its turn at once, so there are no more rounds than students.
      try #require(round <= Self.students)
      let turns = try await rush.turns()
      #expect(turns.count <= Self.limit)
      try await withThrowingTaskGroup(of: Void.self) { group in
        if round == 5 { group.addTask { try await system.kill("class") } }
        for number in turns { group.addTask { try await rush.enroll(number) } }
        try await group.waitForAll()
      }
      if round == 5 {
        // The other windows of those who wait still have the same ticket.
        for number in rush.waiting { #expect(try await rush.take(number).status == 200) }
      }
    }
    try await eventually("everything is settled") {
      guard let books = try? await BooksBalance(of: system) else { return false }
      return books.isSettled(classes: Self.students)
    }
    try await BooksBalance(of: system).check()
    try await system.stop()
  }
}

/// The students of the test, each with a ticket.
private final class Rush: Sendable {
  private let system: RunningSugang
  private let course: Int64
  /// The tokens of those who have not enrolled, by the number in which they came.
  private let tokens = Mutex<[Int: Substring]>([:])

  init(system: RunningSugang, course: Int64) {
    self.system = system
    self.course = course
  }

  var waiting: [Int] { self.tokens.withLock { $0.keys.sorted() } }

  /// Takes the student's ticket; it must be the one that the student has, if there is one.
  func take(_ number: Int) async throws -> HTTPResponse {
    let answer = try await self.answered {
      try await self.system.http.request("POST", "/waiting-room", body: self.body(number))
    }
    let href = answer.json["_links"]?["self"]?["href"]?.string
    let token = try #require(href?.split(separator: "/").last)
    let known = self.tokens.withLock { tokens in
      defer { tokens[number] = token }
      return tokens[number]
    }
    #expect(known == nil || known == token)
    return answer
  }

  /// Asks for every ticket, the last one first: once a turn was seen, whoever came earlier must have
  /// had it too.
  func turns() async throws -> [Int] {
    var turns: [Int] = []
    for number in self.waiting.reversed() {
      let token = try #require(self.tokens.withLock { $0[number] })
      let ticket = try await self.answered {
        try await self.system.http.request("GET", "/waiting-room/\(token)")
      }
      #expect(ticket.status == 200)
      let state = ticket.json["state"]?.string
      if state == "TURN" { turns.append(number) }
      #expect(state == (turns.isEmpty ? "WAITING" : "TURN"), "student \(number)")
    }
    return turns
  }

  /// Uses the student's turn. When the answer was lost, the class may be there already.
  func enroll(_ number: Int) async throws {
    let token = try #require(self.tokens.withLock { $0[number] })
    let answer = try await self.answered {
      try await self.system.http.request(
        "POST", "/classes", headers: [("Waiting-Room-Ticket", String(token))],
        body: self.body(number))
    }
    switch answer.json["code"]?.string {
    case "already-enrolled":
      // The turn is not used up: others wait for it.
      let left = try await self.answered {
        try await self.system.http.request("DELETE", "/waiting-room/\(token)")
      }
      #expect(left.status == 204)
    case "waiting-ticket-used": break
    default: #expect([201, 202].contains(answer.status), "\(number): \(answer.text)")
    }
    self.tokens.withLock { $0[number] = nil }
  }

  private func body(_ number: Int) -> String {
    #"{"courseId":\#(self.course),"student":"student-\#(number)"}"#
  }

  /// Asks again while the service is away.
  private func answered(
    _ ask: () async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    var answer: HTTPResponse?
    try await eventually("an answer") {
      answer = try? await ask()
      return answer.map { $0.status != 503 } ?? false
    }
    return try #require(answer)
  }
}
