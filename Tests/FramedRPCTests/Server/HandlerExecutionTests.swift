import Contracts
import FramedRPC
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite("Where handlers run", .timeLimit(.minutes(2)))
struct HandlerExecutionTests {
  /// Notes before and after it waits whether it is on an event loop.
  private final class Observer: FramedrpcV1.TestServiceHandler {
    let isOnLoop = Mutex<[Bool]>([])

    private func note() {
      let isOnLoop = MultiThreadedEventLoopGroup.currentEventLoop != nil
      self.isOnLoop.withLock { $0.append(isOnLoop) }
    }

    func echo(
      _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
    ) async throws -> FramedrpcV1.EchoResponse {
      self.note()
      // Comes back from another thread.
      await withCheckedContinuation { continuation in
        MultiThreadedEventLoopGroup.singleton.next().execute { continuation.resume() }
      }
      self.note()
      return FramedrpcV1.EchoResponse(number: request.number)
    }

    func reflect(
      _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
    ) async throws -> FramedrpcV1.ReflectResponse { .init() }
  }

  private static let executions: [HandlerExecution] = [.eventLoop, .sharedPool]

  @Test("on the event loop when it says so, else on the shared pool, from beginning to end")
  func place() async throws {
    let services: [(HandlerExecution?, Bool)] = [
      (.eventLoop, true), (.sharedPool, false), (nil, false),
    ]
    for (execution, isOnLoop) in services {
      let observer = Observer()
      let service =
        execution.map { FramedrpcV1.TestService.register(observer, on: $0) }
        ?? FramedrpcV1.TestService.register(observer)
      try await withEndpoint(.tcp, service: service) { endpoint in
        let answer = try await endpoint.client.echo(.init(number: 1), options: CallSuite.patient)
        #expect(answer.number == 1)
        #expect(observer.isOnLoop.withLock { $0 } == [isOnLoop, isOnLoop])
      }
    }
  }

  @Test("1,000 concurrent calls, each with its own answer", arguments: Self.executions)
  func concurrent(_ execution: HandlerExecution) async throws {
    try await withEndpoint(.tcp, execution: execution) { endpoint in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<1_000 as Range<Int64> {
          group.addTask {
            let answer = try await endpoint.client.echo(
              .init(number: number, delayMs: 1), options: CallSuite.patient)
            return answer.number == number
          }
        }
        await endpoint.handler.wait { $0.started.count == 1_000 }
        for number in 0..<1_000 as Range<Int64> { endpoint.handler.release(number) }
        for try await isRight in group { #expect(isRight) }
      }
    }
  }

  @Test(
    "its deadline, its context, its cancellation and its errors are the same",
    arguments: Self.executions)
  func contract(_ execution: HandlerExecution) async throws {
    try await withEndpoint(.tcp, execution: execution) { endpoint in
      var options = CallOptions(timeout: .seconds(1_000))
      try options.metadata.append(RPCContext.requestIDKey, "r-1")
      let answer = try await endpoint.client.echo(.init(), options: options)
      #expect(answer.requestID == "r-1")
      #expect((1...1_000_000).contains(answer.remainingMs))

      let call = Task {
        await rpcError {
          _ = try await endpoint.client.echo(
            .init(number: 1, delayMs: 1), options: CallSuite.patient)
        }
      }
      await endpoint.handler.wait { $0.started.contains(1) }
      call.cancel()
      #expect(await call.value?.status == .cancelled)
      await endpoint.handler.wait { $0.cancelled == [1] }

      let late = await rpcError {
        _ = try await endpoint.client.echo(
          .init(number: 2, delayMs: 1), options: CallOptions(timeout: .milliseconds(20)))
      }
      #expect(late?.status == .deadlineExceeded)
      await endpoint.handler.wait { $0.started.contains(2) == $0.cancelled.contains(2) }

      let errors: [(Int32, RPCStatus)] = [
        (9, .failedPrecondition), (TestHandler.cancellation, .cancelled),
        (TestHandler.unknownError, .internal),
      ]
      for (code, status) in errors {
        let error = await rpcError {
          _ = try await endpoint.client.echo(.init(failWith: code), options: CallSuite.patient)
        }
        #expect(error?.status == status)
      }
      let malformed = await rpcError {
        _ = try await endpoint.channel.call(
          RPCCall(
            method: "framedrpc.v1.TestService/Echo", request: ByteBuffer(bytes: [0xFF]),
            options: CallSuite.patient))
      }
      #expect(malformed?.reason == "malformed-message")
    }
  }

  @Test("shutdown waits for handlers on the pool too")
  func drain() async throws {
    try await withEndpoint(.tcp, execution: .sharedPool) { endpoint in
      async let call = endpoint.client.echo(
        .init(number: 1, delayMs: 1), options: CallSuite.patient)
      await endpoint.handler.wait { $0.started == [1] }
      async let shutdown: Void = endpoint.server.shutdown(grace: .seconds(600))
      endpoint.handler.release(1)
      let number = try await call.number
      #expect(number == 1)
      await shutdown
    }
  }
}
