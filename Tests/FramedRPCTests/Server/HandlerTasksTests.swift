import Contracts
import FramedRPC
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

/// Handlers run in tasks that are used again: no call may find anything of the one before.
@Suite("Tasks of handlers", .timeLimit(.minutes(2)))
struct HandlerTasksTests {
  /// What a handler finds in its task.
  private struct Found: Equatable {
    var isCancelled = false
    var priority: TaskPriority
    var local: String?
    var requestID: String?
  }

  private enum Local {
    @TaskLocal static var value: String?
  }

  /// Notes what it finds, and then does to its task what `text` says.
  private final class Prober: FramedrpcV1.TestServiceHandler {
    let found = Mutex<[Found]>([])
    let tasks = Mutex<[Int]>([])

    func echo(
      _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
    ) async throws -> FramedrpcV1.EchoResponse {
      let found = Found(
        isCancelled: Task.isCancelled, priority: Task.currentPriority, local: Local.value,
        requestID: RPCContext.current?.requestID)
      self.found.withLock { $0.append(found) }
      let task = withUnsafeCurrentTask { $0?.hashValue ?? 0 }
      self.tasks.withLock { $0.append(task) }
      switch request.text {
      case "cancel": withUnsafeCurrentTask { $0?.cancel() }
      case "raise":
        withUnsafeCurrentTask { $0?.escalatePriority(to: .high) }
        #expect(Task.currentPriority == .high)
      case "local": await Local.$value.withValue("of a call") { await Task.yield() }
      case "throw": throw RPCError(.notFound, "nothing")
      default: break
      }
      return FramedrpcV1.EchoResponse(number: request.number)
    }

    func reflect(
      _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
    ) async throws -> FramedrpcV1.ReflectResponse { .init() }
  }

  private static func bench(_ prober: Prober) throws -> ServerBench {
    try ServerBench(service: FramedrpcV1.TestService.register(prober, on: .eventLoop))
  }

  @Test("one task makes call after call")
  func reuse() throws {
    let prober = Prober()
    let bench = try Self.bench(prober)
    for text in ["", "throw", "local", ""] {
      bench.receive(try ServerBench.echo(.init(text: text)))
    }
    #expect(
      try bench.sent().map(\.header.code) == [0, UInt16(RPCStatus.notFound.rawValue), 0, 0])
    #expect(Set(prober.tasks.withLock { $0 }).count == 1)
    #expect(bench.handlerTasks.idle == 1)
  }

  @Test(
    "a call finds nothing of the one before, and nothing of the task in which it happened to arrive",
    arguments: ["cancel", "raise", "local", "throw"])
  func fresh(_ text: String) throws {
    let prober = Prober()
    let bench = try Self.bench(prober)
    try Local.$value.withValue("of the transport") {
      bench.receive(try ServerBench.echo(.init(text: text)))
      bench.receive(try ServerBench.echo(.init()))
    }
    bench.receive(try ServerBench.echo(.init()))
    let found = prober.found.withLock { $0 }
    let fresh = Found(priority: found[0].priority)
    #expect(found == [fresh, fresh, fresh])
    #expect(bench.handlerTasks.idle == 1)
  }

  @Test("each call has its own context", arguments: [HandlerExecution.eventLoop, .sharedPool])
  func context(_ execution: HandlerExecution) async throws {
    let prober = Prober()
    let service = FramedrpcV1.TestService.register(prober, on: execution)
    try await withEndpoint(.tcp, service: service) { endpoint in
      for id in ["one", nil, "two", nil] {
        var options = CallSuite.patient
        if let id { try options.metadata.append(RPCContext.requestIDKey, id) }
        _ = try await endpoint.client.echo(.init(), options: options)
      }
    }
    #expect(prober.found.withLock { $0 }.map(\.requestID) == ["one", nil, "two", nil])
  }

  @Test(
    "a call that was cancelled cancels none after it, whether or not its handler noticed",
    arguments: [HandlerExecution.eventLoop, .sharedPool])
  func cancellation(_ execution: HandlerExecution) async throws {
    for isDeaf in [false, true] {
      let handler = TestHandler(isDeaf: isDeaf)
      try await withEndpoint(.tcp, handler: handler, execution: execution) { endpoint in
        for number in [1, 3, 5] as [Int64] {
          let call = Task {
            try await endpoint.client.echo(
              .init(number: number, delayMs: 1), options: CallSuite.patient)
          }
          await handler.wait { $0.started.contains(number) }
          call.cancel()
          await handler.wait { $0.cancelled.contains(number) }
          handler.release(number)
          // Would end at once with an error if its task were cancelled.
          handler.release(number + 1)
          let answer = try await endpoint.client.echo(
            .init(number: number + 1, delayMs: 1), options: CallSuite.patient)
          #expect(answer.number == number + 1)
          #expect(!handler.snapshot.cancelled.contains(number + 1))
        }
      }
    }
  }

  @Test("a caller that leaves while the answer waits to leave cancels nobody else's handler")
  func late() throws {
    let handler = TestHandler()
    let bench = try ServerBench(handler: handler, greets: false)
    var hello = ByteBuffer()
    Hello(
      maxFrameBytes: 1024 * 1024,
      streaming: StreamingLimits(
        streamWindow: 128 * 1024, connectionWindow: 1024 * 1024, maxMessageBytes: 1024 * 1024)
    ).write(into: &hello)
    bench.receive(hello)
    // More than the caller allows: its handler is done, its call is not.
    bench.receive(try ServerBench.reflect(bytes: 512 * 1024, stream: .slot(0)))
    #expect(bench.handlerTasks.idle == 1)
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(1)))
    #expect(bench.handlerTasks.idle == 0)
    bench.receive(Frame(.reset, stream: .slot(0)))
    #expect(handler.snapshot.cancelled.isEmpty)
    handler.release(2)
    let last = try bench.sent().last
    #expect(last?.header.type == .response)
    #expect(last?.header.stream == .slot(1))
    #expect(last?.header.code == 0)
  }

  /// One read with all of these frames.
  private static func read(_ frames: [Frame]) -> ByteBuffer {
    frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1.bytes) }
  }

  @Test("one task runs all handlers of a read; when one waits, another goes on with the rest")
  func batch() throws {
    let prober = Prober()
    let bench = try Self.bench(prober)
    let calls = HandlerTasks.mostWaiting * 2 + 5
    bench.receive(
      Self.read(
        try (0..<calls).map {
          // A call for which its task is not used again, and one whose handler waits.
          let text = [3: "cancel", 8: "local"][$0] ?? ""
          return try ServerBench.echo(.init(text: text, number: Int64($0)), stream: .slot($0))
        }))
    let answers = try bench.sent()
    #expect(Set(answers.map(\.header.stream)) == Set((0..<calls).map { .slot($0) }))
    #expect(answers.allSatisfy { $0.header.code == 0 })
    let found = prober.found.withLock { $0 }
    #expect(found.count == calls)
    #expect(found.allSatisfy { !$0.isCancelled && $0.local == nil })
    // Of the first task there is no more to see: the next may have its address.
    let tasks = prober.tasks.withLock { $0 }
    #expect(Set(tasks[...3]).count == 1)
    #expect(Set(tasks[4...8]).count == 1)
    #expect(Set(tasks[9..<HandlerTasks.mostWaiting]).count == 1)
    #expect(tasks[8] != tasks[9])
    #expect(bench.handlerTasks.idle == 2)
  }

  @Test("a call that is given up in the read that brought it never begins")
  func givenUp() throws {
    let prober = Prober()
    let bench = try Self.bench(prober)
    bench.receive(
      Self.read([
        try ServerBench.echo(.init(number: 1), stream: .slot(0)),
        Frame(.reset, stream: .slot(0)),
        try ServerBench.echo(.init(number: 2), stream: .slot(1)),
      ]))
    #expect(try bench.sent().map(\.header.stream) == [.slot(1)])
    #expect(prober.found.withLock { $0.count } == 1)
    #expect(bench.connection.runningHandlers == 0)
  }

  @Test("calls before a frame that breaks the protocol are answered, and then it is refused")
  func beforeViolation() throws {
    let bench = try Self.bench(Prober())
    bench.receive(
      Self.read([
        try ServerBench.echo(.init(number: 1), stream: .slot(0)), Frame(.settings),
      ]))
    #expect(try bench.sent().map(\.header.type) == [.response, .goAway])
    #expect(bench.connection.runningHandlers == 0)
  }

  @Test("a handler that waits holds up no other; idle tasks are kept up to a limit")
  func grows() throws {
    let handler = TestHandler()
    let bench = try ServerBench(handler: handler)
    let calls = HandlerTasks.mostIdle + 44
    for number in 0..<calls {
      bench.receive(try ServerBench.heldEcho(Int64(number), stream: .slot(number)))
    }
    #expect(handler.snapshot.started.count == calls)
    #expect(bench.handlerTasks.idle == 0)
    for number in 0..<calls { handler.release(Int64(number)) }
    #expect(try bench.sent().count == calls)
    #expect(bench.handlerTasks.idle == HandlerTasks.mostIdle)
  }

  @Test("no task outlives the last connection of its loop")
  func ends() throws {
    let handler = TestHandler()
    let bench = try ServerBench(handler: handler)
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    bench.receive(try ServerBench.echo(.init(number: 2), stream: .slot(1)))
    #expect(bench.handlerTasks.idle == 1)
    bench.connection.wireClosed("gone")
    bench.loop.run()
    #expect(handler.snapshot.cancelled == [1])
    #expect(bench.handlerTasks.idle == 0)
  }
}
