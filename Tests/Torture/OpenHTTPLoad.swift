import FramedRPC
import HTTPClientKit
import NIOCore
import NIOPosix

/// Enrollments at a fixed rate, whatever becomes of those before: an open model, as a crowd is.
///
/// The latency of a request counts from when it *should* have left (no coordinated omission). A
/// request for which no connection is free waits here, and its wait counts. The connections are open
/// before the first request is due: what is measured is how requests are answered. Lean, since it
/// shares the machine with what it measures. Touched on its loop only.
final class OpenHTTPLoad: @unchecked Sendable {
  struct Plan: Sendable {
    let port: Int
    let course: Int64
    /// Requests a second.
    let rate: Double
    let duration: Duration
    /// Makes the students of this load different from those of others.
    let name: String
    /// Requests in flight at most; the next ones wait.
    var maxConnections = 1_000
    /// Of those that are opened beforehand, so many at a time.
    var opensAtOnce = 16
    /// For the answers that are still missing at the end.
    var patience = Duration.seconds(15)
  }

  struct Result: Sendable {
    /// 0 for requests without an answer.
    var statuses: [Int: Int] = [:]
    /// Of those that were let in (201 and 202), and of those that were refused (429 and 503), in
    /// nanoseconds.
    var accepted = LogLinearHistogram(precisionBits: 5, largest: UInt64(Int64.max))
    var refused = LogLinearHistogram(precisionBits: 5, largest: UInt64(Int64.max))
    var refusedWithoutRetryAfter = 0
    /// Those that were let in before the last request was due: what came later is no goodput.
    var acceptedInTime = 0
    /// Requests whose time had come and that never left.
    var notSent = 0

    func count(_ statuses: Int...) -> Int {
      statuses.reduce(0) { $0 + (self.statuses[$1] ?? 0) }
    }

    var text: String {
      let statuses = self.statuses.sorted { $0.key < $1.key }
        .map { "\($0.value) × \($0.key == 0 ? "no answer" : String($0.key))" }
        .joined(separator: ", ")
      return "\(statuses)\(self.notSent > 0 ? ", \(self.notSent) not sent" : "")"
    }
  }

  private let plan: Plan
  private let loop: any EventLoop
  private var began = NIODeadline.now()
  private var next = 0
  private var idle: [HTTPLoadConnection] = []
  private var connections = 0
  private var backlog = CircularBuffer<(number: Int, due: NIODeadline)>()
  private var inFlight = 0
  private var result = Result()
  private let over: EventLoopPromise<Void>
  private var isOver = false

  init(_ plan: Plan) {
    self.plan = plan
    self.loop = MultiThreadedEventLoopGroup.singleton.next()
    self.over = self.loop.makePromise()
  }

  func run() async throws -> Result {
    try await withThrowingDiscardingTaskGroup { group in
      for _ in 0..<self.plan.opensAtOnce {
        group.addTask {
          for _ in 0..<self.plan.maxConnections / self.plan.opensAtOnce { try await self.open() }
        }
      }
    }
    self.loop.execute {
      self.began = .now()
      self.tick()
      self.loop.scheduleTask(
        deadline: self.began + TimeAmount(self.plan.duration + self.plan.patience)
      ) { self.finish() }
    }
    try await self.over.futureResult.get()
    return try await self.loop.submit { self.result }.get()
  }

  private var planned: Int { Int(self.plan.rate * (self.plan.duration / .seconds(1))) }

  private func tick() {
    let now = NIODeadline.now()
    while self.next < self.planned {
      let due = self.began + .nanoseconds(Int64(Double(self.next) * 1e9 / self.plan.rate))
      guard due <= now else {
        self.loop.scheduleTask(deadline: due) { self.tick() }
        return
      }
      self.backlog.append((self.next, due))
      self.next += 1
      self.sendBacklog()
    }
    self.finishIfDone()
  }

  private func sendBacklog() {
    while !self.backlog.isEmpty {
      if let connection = self.idle.popLast() {
        guard connection.isOpen else {
          // The server closes those that have not been used for long.
          self.connections -= 1
          continue
        }
        let (number, due) = self.backlog.removeFirst()
        self.send(number, due, on: connection)
      } else if self.connections < self.plan.maxConnections {
        let (number, due) = self.backlog.removeFirst()
        self.connect(number, due)
      } else {
        return
      }
    }
  }

  private func open() async throws {
    try await self.loop.flatSubmit {
      self.connection().map {
        self.connections += 1
        self.idle.append($0)
      }.nonisolated()
    }.get()
  }

  private func connect(_ number: Int, _ due: NIODeadline) {
    self.connections += 1
    self.inFlight += 1
    self.connection().whenComplete { outcome in
      self.inFlight -= 1
      switch outcome {
      case .success(let connection): self.send(number, due, on: connection)
      case .failure:
        self.connections -= 1
        self.record(0, hasRetryAfter: false, due)
      }
    }
  }

  private func connection() -> EventLoopFuture<HTTPLoadConnection>.Isolated {
    HTTPLoadConnection.connect(host: "127.0.0.1", port: self.plan.port, on: self.loop)
  }

  private func send(_ number: Int, _ due: NIODeadline, on connection: HTTPLoadConnection) {
    self.inFlight += 1
    let body = #"{"courseId":\#(self.plan.course),"student":"\#(self.plan.name)-\#(number)"}"#
    connection.post("/classes", json: body) { answer in
      self.inFlight -= 1
      self.record(answer?.status ?? 0, hasRetryAfter: answer?.hasRetryAfter ?? false, due)
      if connection.isOpen {
        self.idle.append(connection)
      } else {
        self.connections -= 1
      }
      self.sendBacklog()
      self.finishIfDone()
    }
  }

  private func record(_ status: Int, hasRetryAfter: Bool, _ due: NIODeadline) {
    self.result.statuses[status, default: 0] += 1
    let latency = UInt64(max((NIODeadline.now() - due).nanoseconds, 0))
    switch status {
    case 201, 202:
      self.result.accepted.record(latency)
      if NIODeadline.now() <= self.began + TimeAmount(self.plan.duration) {
        self.result.acceptedInTime += 1
      }
    case 429, 503:
      self.result.refused.record(latency)
      if !hasRetryAfter { self.result.refusedWithoutRetryAfter += 1 }
    default: break
    }
  }

  private func finishIfDone() {
    if self.next >= self.planned, self.inFlight == 0, self.backlog.isEmpty { self.finish() }
  }

  private func finish() {
    guard !self.isOver else { return }
    self.isOver = true
    self.result.notSent = self.backlog.count
    self.result.statuses[0, default: 0] += self.inFlight
    if self.result.statuses[0] == 0 { self.result.statuses[0] = nil }
    for connection in self.idle { connection.close() }
    self.over.succeed()
  }
}
