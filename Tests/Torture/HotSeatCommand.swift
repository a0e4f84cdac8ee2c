import ArgumentParser
import HTTPClientKit
import JSON
import SystemHarness

/// Many students, few seats.
struct HotSeatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hot-seat",
    abstract: "Let thousands of clients fight for a hundred seats.",
    discussion: "With --kill, services die meanwhile and clients ask again, with the same key.")

  @Option(help: "How many clients.")
  var clients = 2_000

  @Option(help: "How many seats.")
  var seats = 100

  @Flag(help: "Kill class, pay and the gateway meanwhile.")
  var kill = false

  func run() async throws {
    var verdict = Verdict()
    let system = try await RunningSugang.start()
    let course = try await self.registerCourse(system)
    let start = ContinuousClock.now
    async let disturbance: Void = self.disturb(system)
    let statuses = try await self.rush(system, course)
    try await disturbance
    let tally = Dictionary(grouping: statuses, by: \.self).mapValues(\.count)
    print(
      "==> \(self.clients) clients, \(self.seats) seats\(self.kill ? ", services killed" : ""): "
        + tally.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }
        .joined(separator: ", ")
        + " in \(milliseconds(ContinuousClock.now - start))")
    verdict.expect(
      statuses.allSatisfy { [201, 202, 409].contains($0) },
      "everybody was told: in (201), pending (202) or full (409)")
    var books = try await BooksBalance(of: system)
    try await eventually("everything is settled", within: .seconds(90)) {
      books = try await BooksBalance(of: system)
      return books.problems().isEmpty
    }
    let registered = books.classes.values.count { $0 == "REGISTERED" }
    verdict.expect(registered == self.seats, "exactly \(self.seats) are registered: \(registered)")
    verdict.expect(
      (tally[201] ?? 0) <= self.seats, "at most \(self.seats) were told that they are in")
    try await system.stop()
    try verdict.finish()
  }

  private func registerCourse(_ system: RunningSugang) async throws -> Int64 {
    let answer = try await system.http.request(
      "POST", "/courses",
      body: #"""
        {"name":"hot","teacher":"hong","fee":10000,"textBook":"hot_book","capacity":\#(self.seats)}
        """#)
    guard answer.status == 201 else { throw SystemTestFailure(answer.text) }
    return try RunningSugang.id(answer.json)
  }

  private func rush(_ system: RunningSugang, _ course: Int64) async throws -> [Int] {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<self.clients {
        group.addTask { try await self.enroll(number, system, course) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
  }

  /// Asks again with the same key while there is no answer, or one that says to come again.
  private func enroll(
    _ number: Int, _ system: RunningSugang, _ course: Int64
  ) async throws -> Int {
    var status = 0
    try await eventually("student \(number) gets an answer", within: .seconds(120)) {
      guard
        let answer = try? await system.http.request(
          "POST", "/classes", headers: [("Idempotency-Key", "hot-seat-\(number)")],
          body: #"{"courseId":\#(course),"student":"student-\#(number)"}"#)
      else { return false }
      status = answer.status
      guard status != 503, status != 429 else { return false }
      // The first request with this key has no answer yet.
      return answer.json["code"]?.string != "idempotency-in-progress"
    }
    return status
  }

  private func disturb(_ system: RunningSugang) async throws {
    guard self.kill else { return }
    for service in ["pay", "class", "gateway", "class"] {
      try await Task.sleep(for: .milliseconds(400))
      try await system.kill(service)
    }
  }
}
