import Dispatch
import NIOCore
import NIOEmbedded
import Testing

@testable import FramedRPC

/// Tasks of one handler that read and write its call, and are cancelled one by one.
@Suite("Cancelled readers and writers of a server's call")
struct CancelledWaiterTests {
  /// More than the smallest window and what may be queued: the next writer waits.
  private static let full = ByteBuffer(repeating: 0, count: 300_000)

  private static func isCancellation<Value>(_ pending: Pending<Value>) -> Bool {
    if case .failure(let error) = pending.outcome { error is CancellationError } else { false }
  }

  // MARK: before it waits

  @Test("a task that is cancelled before it waits is told, though the loop was faster")
  func cancelledBeforeReading() throws {
    let call = try EagerCall()
    let reading = call.pendingOfCancelled { _ = try await $0.next() }
    #expect(Self.isCancellation(reading))
  }

  @Test("so is one that writes")
  func cancelledBeforeWriting() throws {
    let call = try EagerCall()
    let first = call.pendingOfCancelled { try await $0.write(Self.full) }
    #expect(first.value != nil, "there is room: nobody waits")
    let second = call.pendingOfCancelled { try await $0.write(Self.full) }
    #expect(Self.isCancellation(second))
  }

  @Test("a cancelled task takes what is there, and the end, without an error")
  func cancelledButServed() throws {
    let call = try EagerCall()
    call.messages.deliver(ByteBuffer(string: "here"))
    call.messages.endedWithRequest()
    #expect(call.pendingOfCancelled { try await $0.next() }.value == ByteBuffer(string: "here"))
    #expect(call.pendingOfCancelled { try await $0.next() }.value == .some(nil))
  }

  // MARK: the others

  @Test("who reads hears nothing of a writer that is cancelled")
  func cancelledWriter() throws {
    let server = try StreamServer(client: Self.littleCredit)
    let call = try server.open()
    let reading = server.read(call)
    #expect(server.write(call, Self.full).isOver)
    let writing = server.write(call, Self.full)
    let other = server.write(call, Self.full)
    #expect(!writing.isOver)
    writing.task?.cancel()
    server.bench.loop.run()
    #expect(Self.isCancellation(writing))
    #expect(!reading.isOver)
    #expect(!other.isOver, "another task that writes")
    server.receive(.data("still here"))
    #expect(reading.value == ByteBuffer(string: "still here"))
    try Self.letThrough(server)
    #expect(other.value != nil)
  }

  @Test("who writes hears nothing of a reader that is cancelled")
  func cancelledReader() throws {
    let server = try StreamServer(client: Self.littleCredit)
    let call = try server.open()
    let reading = server.read(call)
    #expect(server.write(call, Self.full).isOver)
    let writing = server.write(call, Self.full)
    reading.task?.cancel()
    server.bench.loop.run()
    #expect(Self.isCancellation(reading))
    #expect(!writing.isOver)
    try Self.letThrough(server)
    #expect(writing.value != nil)
  }

  @Test("a cancellation that comes when the message is there does not hit the next reader")
  func lateCancellation() throws {
    let server = try StreamServer()
    let call = try server.open()
    let first = server.read(call)
    // One turn of the loop: the cancellation is on its way when the message comes …
    first.task?.cancel()
    call.messages.deliver(ByteBuffer(string: "one"))
    // … and when the next one reads.
    let second = Pending(on: server.bench.loop, runs: false) { try await call.next() }
    server.bench.loop.run()
    #expect(first.value == ByteBuffer(string: "one"))
    #expect(!second.isOver)
    server.receive(.data("two"))
    #expect(second.value == ByteBuffer(string: "two"))
  }

  @Test("a second reader that is cancelled was never waiting")
  func refusedReader() throws {
    let server = try StreamServer()
    let call = try server.open()
    let first = server.read(call)
    let second = server.pending {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await call.next()
    }
    #expect(second.error?.status == .failedPrecondition)
    #expect(!first.isOver)
    server.receive(.data("one"))
    #expect(first.value == ByteBuffer(string: "one"))
  }

  /// Takes all that is written.
  private static func letThrough(_ server: StreamServer) throws {
    server.receive(.window(.slot(0), 1 << 40))
    while try !server.sent().isEmpty {
      server.bench.wire.drain()
    }
  }

  /// The connection has enough, so that it is the call that waits.
  private static let littleCredit = StreamingLimits(
    streamWindow: 0, connectionWindow: 4 * 1024 * 1024, maxMessageBytes: 4 * 1024 * 1024)
}

/// A server's call on a loop that is always faster than the task: what another thread asks of it is
/// done before that thread goes on.
private struct EagerCall {
  private let loop = EagerLoop()
  let messages: MessageStream
  private let call: RPCByteStream

  init() throws {
    let connection = ServerConnection(
      loop: self.loop, limits: .standard, table: try MethodTable([]),
      handlerTasks: HandlerTasks(loop: self.loop))
    self.messages = MessageStream(
      connection: connection, peer: StreamServer.clientLimits, countsQueue: false)
    self.call = RPCByteStream(self.messages, isClient: false)
  }

  /// What a task does that is cancelled already.
  func pendingOfCancelled<Value: Sendable>(
    _ body: @escaping @Sendable (RPCByteStream) async throws -> Value
  ) -> Pending<Value> {
    Pending(on: self.loop.embedded) { [call = self.call] in
      withUnsafeCurrentTask { $0?.cancel() }
      return try await body(call)
    }
  }
}

/// Does at once what it is asked to execute.
private final class EagerLoop: EventLoop {
  let embedded = EmbeddedEventLoop()

  var inEventLoop: Bool { self.embedded.inEventLoop }
  var now: NIODeadline { self.embedded.now }

  func execute(_ task: @escaping @Sendable () -> Void) { task() }

  func submit<T>(_ task: @escaping @Sendable () throws -> T) -> EventLoopFuture<T> {
    self.embedded.submit(task)
  }

  func scheduleTask<T>(
    deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T
  ) -> Scheduled<T> {
    self.embedded.scheduleTask(deadline: deadline, task)
  }

  func scheduleTask<T>(
    in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T
  ) -> Scheduled<T> {
    self.embedded.scheduleTask(in: delay, task)
  }

  func shutdownGracefully(
    queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void
  ) {
    self.embedded.shutdownGracefully(queue: queue, callback)
  }
}
