import Contracts
import FramedRPC
import NIOCore
import Synchronization
import Testing

@Suite("Deadlines by interceptor", .timeLimit(.minutes(2)))
struct DeadlineTests {
  // MARK: client

  @Test(
    "a client's calls get the standard timeout, and never more than the longest",
    arguments: [
      (nil, .seconds(3)), (.seconds(1), .seconds(1)), (.seconds(60), .seconds(10)),
    ] as [(Duration?, Duration)])
  func client(asked: Duration?, sent: Duration) async throws {
    let mirror = MirrorChannel()
    let channel = mirror.intercepted(by: [
      ClientDeadline(standard: .seconds(3), longest: .seconds(10))
    ])
    _ = try await channel.call(MirrorChannel.call(CallOptions(timeout: asked)))
    #expect(mirror.calls.first?.options.timeout == sent)
  }

  @Test("a client's calls keep their timeout where nothing is set")
  func clientUnset() async throws {
    let mirror = MirrorChannel()
    let channel = mirror.intercepted(by: [ClientDeadline(standard: nil)])
    _ = try await channel.call(MirrorChannel.call(CallOptions(timeout: nil)))
    _ = try await channel.call(MirrorChannel.call(CallOptions(timeout: .seconds(8))))
    #expect(mirror.calls.map(\.options.timeout) == [nil, .seconds(8)])
  }

  // MARK: server

  /// Time that stands still, and a timer that the test lets ring.
  private final class Clock: Sendable {
    static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private struct State {
      var asked: [Duration] = []
      var timer: CheckedContinuation<Void, any Error>?
      var hasRung = false
    }

    private let state = Mutex(State())

    var asked: [Duration] { self.state.withLock { $0.asked } }

    func ring() {
      self.state.withLock { state in
        state.hasRung = true
        defer { state.timer = nil }
        return state.timer
      }?.resume()
    }

    func sleep(_ time: Duration) async throws {
      try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let result = self.state.withLock { state -> Result<Void, any Error>? in
            state.asked.append(time)
            if Task.isCancelled { return .failure(CancellationError()) }
            if state.hasRung { return .success(()) }
            state.timer = continuation
            return nil
          }
          if let result { continuation.resume(with: result) }
        }
      } onCancel: {
        self.state.withLock { state in
          defer { state.timer = nil }
          return state.timer
        }?.resume(throwing: CancellationError())
      }
    }

    func interceptor(
      standard: Duration?, longest: Duration? = nil, hopMargin: Duration = .zero
    ) -> ServerDeadline {
      ServerDeadline(
        standard: standard, longest: longest, hopMargin: hopMargin, now: { Self.start },
        sleep: { try await self.sleep($0) })
    }
  }

  /// Calls a handler behind `deadline`; answers the deadline that the handler saw, from the start.
  private static func seen(
    _ clock: Clock, _ deadline: ServerDeadline, own: TimeAmount?
  ) async throws -> TimeAmount? {
    let seen = Mutex<NIODeadline?>(nil)
    let see = ServerStep { call, next in
      seen.withLock { $0 = call.context.deadline }
      return try await next(call)
    }
    let given = ServerStep { call, next in
      var call = call
      call.context.deadline = own.map { Clock.start + $0 }
      return try await next(call)
    }
    let service = FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop)
      .intercepted(by: [given, deadline, see])
    try await withEndpoint(.inProcess, service: service) { endpoint in
      _ = try await endpoint.client.echo(.init(), options: CallSuite.patient)
    }
    return seen.withLock { $0.map { $0 - Clock.start } }
  }

  @Test("a call without a deadline gets the standard one, by a timer")
  func standard() async throws {
    let clock = Clock()
    let deadline = clock.interceptor(standard: .seconds(5), longest: .seconds(60))
    #expect(try await Self.seen(clock, deadline, own: nil) == .seconds(5))
    #expect(clock.asked == [.seconds(5)])
  }

  @Test("a very late deadline is capped, by a timer; one that is early enough costs none")
  func longest() async throws {
    let clock = Clock()
    let deadline = clock.interceptor(standard: .seconds(5), longest: .seconds(60))
    #expect(try await Self.seen(clock, deadline, own: .seconds(59)) == .seconds(59))
    #expect(clock.asked.isEmpty)
    #expect(try await Self.seen(clock, deadline, own: .seconds(61)) == .seconds(60))
    #expect(clock.asked == [.seconds(60)])
  }

  @Test("without any limits a call without a deadline stays so")
  func unset() async throws {
    let clock = Clock()
    let deadline = clock.interceptor(standard: nil, hopMargin: .seconds(1))
    #expect(try await Self.seen(clock, deadline, own: nil) == nil)
    #expect(clock.asked.isEmpty)
  }

  @Test("the margin of a hop is taken off what the handler may use")
  func margin() async throws {
    let clock = Clock()
    let deadline = clock.interceptor(
      standard: .seconds(5), longest: .seconds(60), hopMargin: .milliseconds(50))
    #expect(try await Self.seen(clock, deadline, own: .seconds(10)) == .milliseconds(9_950))
    #expect(try await Self.seen(clock, deadline, own: nil) == .milliseconds(4_950))
  }

  @Test("when the time is up the handler is cancelled and the caller told")
  func enforced() async throws {
    let clock = Clock()
    let handler = TestHandler()
    let service = FramedrpcV1.TestService.register(handler, on: .eventLoop)
      .intercepted(by: [clock.interceptor(standard: .seconds(5))])
    try await withEndpoint(.inProcess, handler: handler, service: service) { endpoint in
      async let error = rpcError {
        _ = try await endpoint.client.echo(
          .init(number: 1, delayMs: 1), options: CallSuite.patient)
      }
      await handler.wait { $0.started.contains(1) }
      clock.ring()
      let told = await error
      #expect(told?.status == .deadlineExceeded)
      #expect(told?.reason == "server-time-limit")
    }
    #expect(handler.snapshot.cancelled == [1])
    #expect(handler.snapshot.finished.isEmpty)
  }

  @Test("a caller that leaves cancels a handler behind the timer")
  func cancelled() async throws {
    let clock = Clock()
    let handler = TestHandler()
    let service = FramedrpcV1.TestService.register(handler, on: .eventLoop)
      .intercepted(by: [clock.interceptor(standard: .seconds(5))])
    try await withEndpoint(.inProcess, handler: handler, service: service) { endpoint in
      let call = Task {
        try await endpoint.client.echo(.init(number: 1, delayMs: 1), options: CallSuite.patient)
      }
      await handler.wait { $0.started.contains(1) }
      call.cancel()
      await handler.wait { $0.cancelled.contains(1) }
      _ = await call.result
    }
  }
}
