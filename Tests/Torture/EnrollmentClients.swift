import HTTPClientKit
import Synchronization
import SystemHarness

/// Students who enroll one after the other, a connection each, and remember what they were told.
final class EnrollmentClients: Sendable {
  /// One answer to one student.
  struct Answer: Sendable {
    let student: String
    /// 0 when the connection broke or no answer came in time.
    let status: Int
    let hasRetryAfter: Bool
    let began: ContinuousClock.Instant
    let took: Duration
  }

  private let port: Int
  private let course: Int64
  private let pause: Duration
  private let answers = Mutex<[Answer]>([])
  private let isOver = Mutex(false)

  /// - Parameter pause: what each client waits between two students.
  init(port: Int, course: Int64, pause: Duration) {
    self.port = port
    self.course = course
    self.pause = pause
  }

  /// Runs until ``stop()``; each client in a task of its own.
  func run(clients: Int) async {
    await withDiscardingTaskGroup { group in
      for client in 0..<clients {
        group.addTask { await self.enrollOneAfterTheOther(client) }
      }
    }
  }

  func stop() {
    self.isOver.withLock { $0 = true }
  }

  /// The answers to requests that began at or after `start` and before `end`.
  func answers(
    from start: ContinuousClock.Instant? = nil, to end: ContinuousClock.Instant? = nil
  ) -> [Answer] {
    self.answers.withLock(\.self).filter { answer in
      (start.map { answer.began >= $0 } ?? true) && (end.map { answer.began < $0 } ?? true)
    }
  }

  private func enrollOneAfterTheOther(_ client: Int) async {
    let http = HTTPClient(port: self.port)
    defer { http.close() }
    var number = 0
    while !self.isOver.withLock(\.self) {
      number += 1
      let student = "student-\(client)-\(number)"
      let start = ContinuousClock.now
      let response = try? await http.request(
        "POST", "/classes", body: #"{"courseId":\#(self.course),"student":"\#(student)"}"#)
      let answer = Answer(
        student: student, status: response?.status ?? 0,
        hasRetryAfter: response?.header("Retry-After") != nil, began: start,
        took: ContinuousClock.now - start)
      self.answers.withLock { $0.append(answer) }
      try? await Task.sleep(for: self.pause)
    }
  }
}

/// What a number of answers look like together.
struct AnswerSummary {
  let count: Int
  let statuses: [Int: Int]
  let p50: Duration
  let p99: Duration
  let longest: Duration

  init(_ answers: [EnrollmentClients.Answer]) {
    let times = answers.map(\.took).sorted()
    self.count = answers.count
    self.statuses = Dictionary(grouping: answers, by: \.status).mapValues(\.count)
    self.p50 = quantile(0.5, of: times)
    self.p99 = quantile(0.99, of: times)
    self.longest = times.last ?? .zero
  }

  var text: String {
    let statuses = self.statuses.sorted { $0.key < $1.key }
      .map { "\($0.value) × \($0.key == 0 ? "no answer" : String($0.key))" }
      .joined(separator: ", ")
    return "\(self.count) answers (\(statuses)), p50 \(milliseconds(self.p50)), "
      + "p99 \(milliseconds(self.p99)), longest \(milliseconds(self.longest))"
  }
}
