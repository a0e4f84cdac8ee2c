import HTTPClientKit
import NIOCore
import NIOPosix

/// Clients that each enroll one new student after the other, over a connection of their own. They
/// share one event loop, and everything here is touched on it only.
final class EnrollLoad: @unchecked Sendable {
  /// For the answers that are missing at the end.
  private static let patience = TimeAmount.seconds(10)
  /// Before a client that was not answered tries again.
  private static let pause = TimeAmount.milliseconds(100)

  private let host: String
  private let port: Int
  private let courseID: Int64
  private let name: String
  private let duration: Duration
  private let loop: any EventLoop
  private let over: EventLoopPromise<Void>
  private var tally = EnrollTally()
  private var end = NIODeadline.now()
  private var working = 0
  private var students = 0

  /// - Parameter name: makes its students different from those of other runs.
  init(host: String, port: Int, courseID: Int64, name: String, duration: Duration) {
    self.host = host
    self.port = port
    self.courseID = courseID
    self.name = name
    self.duration = duration
    self.loop = MultiThreadedEventLoopGroup.singleton.next()
    self.over = self.loop.makePromise()
  }

  func run(clients: Int) async throws -> EnrollTally {
    self.loop.execute {
      self.working = clients
      self.end = .now() + TimeAmount(self.duration)
      for _ in 0..<clients { self.connect() }
      self.loop.scheduleTask(deadline: self.end + Self.patience) { self.over.succeed() }
    }
    try await self.over.futureResult.get()
    return try await self.loop.submit {
      for _ in 0..<self.working { self.tally.failed("no answer") }
      return self.tally
    }.get()
  }

  private func connect() {
    HTTPLoadConnection.connect(host: self.host, port: self.port, on: self.loop)
      .whenComplete { outcome in
        switch outcome {
        case .success(let connection): self.enroll(on: connection)
        case .failure(let error):
          self.tally.failed("\(error)")
          self.loop.scheduleTask(in: Self.pause) { self.connectAgain() }
        }
      }
  }

  private func connectAgain() {
    if NIODeadline.now() < self.end { self.connect() } else { self.leave() }
  }

  private func enroll(on connection: HTTPLoadConnection) {
    let start = NIODeadline.now()
    guard start < self.end else {
      connection.close()
      return self.leave()
    }
    self.students += 1
    let body =
      #"{"courseId":\#(self.courseID),"fee":10000,"student":"\#(self.name)-\#(self.students)","#
      + #""textBook":"bench_book"}"#
    connection.post("/classes", json: body) { answer in
      if let answer {
        self.tally.answered(
          answer.status, after: .nanoseconds((NIODeadline.now() - start).nanoseconds))
      } else {
        self.tally.failed("the connection was closed")
      }
      if connection.isOpen {
        self.enroll(on: connection)
      } else {
        self.loop.scheduleTask(in: answer == nil ? Self.pause : .zero) { self.connectAgain() }
      }
    }
  }

  /// A client's time is up.
  private func leave() {
    self.working -= 1
    if self.working == 0 { self.over.succeed() }
  }
}
