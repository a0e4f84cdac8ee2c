import Contracts
import FramedRPC
import NIOCore
import Testing

/// The same calls over TCP, a Unix socket and inside the process. Names before a colon are those of
/// the interoperability tests of gRPC and ttrpc.
@Suite("Calls over every transport", .timeLimit(.minutes(2)))
struct CallSuite {
  static let patient = CallOptions(timeout: nil)

  @Test("empty_unary: a message without bytes is a message", arguments: Transport.allCases)
  func emptyUnary(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let answer = try await endpoint.client.reflect(.init(), options: Self.patient)
      #expect(answer == FramedrpcV1.ReflectResponse())
    }
  }

  @Test("every kind of field goes there and back", arguments: Transport.allCases)
  func everything(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      var everything = RoundTripTests.everything
      everything.small = -1
      let answer = try await endpoint.client.reflect(
        .init(everything: everything), options: Self.patient)
      #expect(answer.everything == everything)
    }
  }

  @Test("large_unary: 271,828 bytes up, 314,159 down", arguments: Transport.allCases)
  func largeUnary(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let request = FramedrpcV1.Everything(
        small: 314_159, raw: [UInt8](repeating: 0, count: 271_828))
      let answer = try await endpoint.client.reflect(
        .init(everything: request), options: Self.patient)
      #expect(answer.everything?.raw == [UInt8](repeating: 7, count: 314_159))
    }
  }

  @Test("1,000 concurrent calls, each with its own answer", arguments: Transport.allCases)
  func concurrent(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<1_000 {
          group.addTask {
            let answer = try await endpoint.client.echo(
              .init(text: "call \(number)", number: Int64(number), delayMs: 1),
              options: Self.patient)
            return answer.text == "call \(number)" && answer.number == number
          }
        }
        await endpoint.handler.wait { $0.started.count == 1_000 }
        // All are in flight now; the last is answered first.
        for number in (0..<1_000).reversed() {
          endpoint.handler.release(Int64(number))
        }
        for try await isRight in group {
          #expect(isRight)
        }
      }
    }
  }

  @Test(
    "concurrent_large_unary: 64 calls of 256 KiB each way at once", arguments: Transport.allCases)
  func concurrentLarge(_ transport: Transport) async throws {
    let limits = RPCLimits(maxQueuedBytes: 64 * 1024 * 1024)
    try await withEndpoint(transport, clientLimits: limits) { endpoint in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<64 {
          group.addTask {
            let raw = [UInt8](repeating: UInt8(number), count: 256 * 1024)
            let answer = try await endpoint.client.reflect(
              .init(everything: .init(raw: raw)), options: Self.patient)
            return answer.everything?.raw == raw
          }
        }
        for try await isRight in group {
          #expect(isRight)
        }
      }
    }
  }

  @Test(
    "1 % long tail: what stands still holds up nothing else on its connection",
    arguments: Transport.allCases, [HandlerExecution.eventLoop, .sharedPool])
  func longTail(_ transport: Transport, _ execution: HandlerExecution) async throws {
    let numbers = 0..<1_000 as Range<Int64>
    let slow = Set(numbers.filter { $0.isMultiple(of: 100) })
    try await withEndpoint(transport, execution: execution) { endpoint in
      let client = endpoint.client
      try await withThrowingTaskGroup(of: Int64.self) { group in
        for number in numbers {
          group.addTask {
            try await client.echo(
              .init(number: number, delayMs: slow.contains(number) ? 1 : 0), options: Self.patient
            ).number
          }
        }
        // One behind a slow call would never come.
        var answered: Set<Int64> = []
        while answered.count < numbers.count - slow.count {
          answered.insert(try #require(try await group.next()))
        }
        #expect(answered.isDisjoint(with: slow))
        await endpoint.handler.wait { $0.started.isSuperset(of: slow) }
        // Nor one that begins while all the slow ones stand.
        for number in 1_000..<1_100 as Range<Int64> {
          let answer = try await client.echo(.init(number: number), options: Self.patient)
          #expect(answer.number == number)
        }
        #expect(endpoint.handler.snapshot.finished.isDisjoint(with: slow))
        for number in slow { endpoint.handler.release(number) }
        for try await number in group { answered.insert(number) }
        #expect(answered == Set(numbers))
      }
    }
  }

  @Test("rpc_soak: 2,000 calls one after the other", arguments: Transport.allCases)
  func soak(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      for number in 0..<2_000 as Range<Int64> {
        let answer = try await endpoint.client.echo(.init(number: number), options: Self.patient)
        #expect(answer.number == number)
      }
    }
  }

  // MARK: errors

  @Test(
    "status_code_and_message: all 16 errors arrive as they were thrown",
    arguments: Transport.allCases)
  func statuses(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      for status in RPCStatus.allCases where status != .ok {
        let error = await rpcError {
          _ = try await endpoint.client.echo(
            .init(text: "why \(status.name)", failWith: Int32(status.rawValue)),
            options: Self.patient)
        }
        #expect(error?.status == status)
        #expect(error?.message == "why \(status.name)")
        #expect(error?.reason == "asked-for")
        #expect(
          error?.metadata.values(of: "detail") == [Array("one".utf8), Array("two".utf8)])
        #expect(error?.notProcessed == false)
      }
    }
  }

  @Test("special_status_message: white space and Unicode survive", arguments: Transport.allCases)
  func specialMessage(_ transport: Transport) async throws {
    let text = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    try await withEndpoint(transport) { endpoint in
      let error = await rpcError {
        _ = try await endpoint.client.echo(.init(text: text, failWith: 2), options: Self.patient)
      }
      #expect(error?.message == text)
    }
  }

  @Test("unimplemented_method and unimplemented_service", arguments: Transport.allCases)
  func unimplemented(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      for method in ["framedrpc.v1.TestService/Unknown", "no.such.Service/Echo"] {
        let error = await rpcError {
          _ = try await endpoint.channel.call(
            RPCCall(method: method, request: ByteBuffer(), options: Self.patient))
        }
        #expect(error?.status == .unimplemented)
        #expect(error?.notProcessed == true)
      }
    }
  }

  @Test("an unknown error is INTERNAL and says nothing", arguments: Transport.allCases)
  func unknownError(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let error = await rpcError {
        _ = try await endpoint.client.echo(
          .init(text: "secret", failWith: TestHandler.unknownError), options: Self.patient)
      }
      #expect(error == RPCError(.internal, "the handler failed"))
    }
  }

  @Test(
    "a NUL is refused before it is sent, and by the server when it comes",
    arguments: Transport.allCases)
  func embeddedNUL(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let outgoing = await rpcError {
        _ = try await endpoint.client.echo(.init(text: "a\u{0}b"), options: Self.patient)
      }
      #expect(outgoing?.status == .invalidArgument)
      #expect(outgoing?.notProcessed == true)
      let incoming = await rpcError {
        _ = try await endpoint.channel.call(
          RPCCall(
            method: "framedrpc.v1.TestService/Echo",
            request: HandMade.make { $0.field(1, bytes: [0x61, 0xFF]) }.buffer,
            options: Self.patient))
      }
      #expect(incoming?.status == .invalidArgument)
      #expect(incoming?.reason == "malformed-message")
      #expect(endpoint.handler.snapshot.started.isEmpty)
    }
  }

  // MARK: sizes

  @Test(
    "OversizeCall: a request over the server's limit is refused here", arguments: Transport.allCases
  )
  func oversizeRequest(_ transport: Transport) async throws {
    let limits = RPCLimits(maxMessageBytes: 64 * 1024)
    try await withEndpoint(transport, limits: limits) { endpoint in
      let large = FramedrpcV1.Everything(raw: [UInt8](repeating: 1, count: 70_000))
      let error = await rpcError {
        _ = try await endpoint.client.reflect(.init(everything: large), options: Self.patient)
      }
      #expect(error?.status == .resourceExhausted)
      #expect(error?.notProcessed == true)
      _ = try await endpoint.client.echo(.init(), options: Self.patient)
    }
  }

  @Test(
    "an answer over the client's limit is refused there; the connection lives on",
    arguments: Transport.allCases)
  func oversizeAnswer(_ transport: Transport) async throws {
    let limits = RPCLimits(maxMessageBytes: 64 * 1024)
    try await withEndpoint(transport, clientLimits: limits) { endpoint in
      let error = await rpcError {
        _ = try await endpoint.client.reflect(
          .init(everything: .init(small: 70_000)), options: Self.patient)
      }
      #expect(error?.status == .resourceExhausted)
      #expect(error?.notProcessed == false)
      _ = try await endpoint.client.echo(.init(), options: Self.patient)
    }
  }

  // MARK: metadata

  @Test("custom_metadata: repeats and bytes reach the handler", arguments: Transport.allCases)
  func metadata(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      var options = Self.patient
      try options.metadata.append("x-grpc-test-echo-initial", "test_initial_metadata_value")
      try options.metadata.append("bin", [0xAB, 0, 0xFF])
      try options.metadata.append("bin", [])
      _ = try await endpoint.client.echo(.init(), options: options)
      #expect(endpoint.handler.snapshot.contexts.first?.metadata == options.metadata)
    }
  }

  // MARK: deadlines and cancelling

  @Test(
    "timeout_on_sleeping_server: the call ends, and the handler is cancelled",
    arguments: Transport.allCases)
  func timeout(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      // Connected first, so that the time is the call's alone.
      _ = try await endpoint.client.echo(.init(number: 0), options: Self.patient)
      let error = await rpcError {
        _ = try await endpoint.client.echo(
          .init(number: 1, delayMs: 1), options: CallOptions(timeout: .milliseconds(20)))
      }
      #expect(error?.status == .deadlineExceeded)
      await endpoint.handler.wait { $0.started.contains(1) == $0.cancelled.contains(1) }
    }
  }

  @Test("a deadline that has passed already is refused here", arguments: Transport.allCases)
  func pastDeadline(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      for timeout in [Duration.zero, .seconds(-1)] {
        let error = await rpcError {
          _ = try await endpoint.client.echo(.init(), options: CallOptions(timeout: timeout))
        }
        #expect(error?.status == .deadlineExceeded)
        #expect(error?.notProcessed == true)
      }
      #expect(endpoint.handler.snapshot.started.isEmpty)
    }
  }

  @Test("the server sees the deadline that the client set", arguments: Transport.allCases)
  func deadlineArrives(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let answer = try await endpoint.client.echo(
        .init(), options: CallOptions(timeout: .seconds(1_000)))
      #expect((1...1_000_000).contains(answer.remainingMs))
      let without = try await endpoint.client.echo(.init(), options: Self.patient)
      #expect(without.remainingMs == -1)
    }
  }

  @Test(
    "cancel_after_begin: cancelling the caller's task cancels the handler's",
    arguments: Transport.allCases)
  func cancel(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let call = Task {
        await rpcError {
          _ = try await endpoint.client.echo(
            .init(number: 1, delayMs: 1), options: Self.patient)
        }
      }
      await endpoint.handler.wait { $0.started == [1] }
      call.cancel()
      #expect(await call.value?.status == .cancelled)
      await endpoint.handler.wait { $0.cancelled == [1] }
      _ = try await endpoint.client.echo(.init(number: 2), options: Self.patient)
    }
  }

  @Test("a task that is cancelled before its call sends nothing", arguments: Transport.allCases)
  func cancelledBefore(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let call = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return await rpcError {
          _ = try await endpoint.client.echo(.init(number: 1), options: Self.patient)
        }
      }
      #expect(await call.value?.status == .cancelled)
      #expect(endpoint.handler.snapshot.started.isEmpty)
    }
  }

  @Test(
    "calls made and cancelled at once, by the hundred, leave nothing behind",
    arguments: Transport.allCases)
  func cancelRace(_ transport: Transport) async throws {
    try await withEndpoint(transport, limits: RPCLimits(maxConcurrentCalls: 4_096)) { endpoint in
      _ = try await endpoint.client.echo(.init(number: 0), options: Self.patient)
      await withTaskGroup(of: Void.self) { group in
        for number in 1...500 as ClosedRange<Int64> {
          group.addTask {
            let call = Task {
              await rpcError {
                _ = try await endpoint.client.echo(
                  .init(number: number, delayMs: 1), options: Self.patient)
              }
            }
            if number % 3 == 0 { await Task.yield() }
            call.cancel()
            #expect(await call.value?.status == .cancelled)
          }
        }
      }
      await endpoint.handler.wait { $0.started.subtracting([0]) == $0.cancelled }
      _ = try await endpoint.client.echo(.init(number: 1_000), options: Self.patient)
    }
  }

  // MARK: limits

  @Test(
    "over the server's limit on calls: resource exhausted, not processed",
    arguments: Transport.allCases)
  func concurrencyLimit(_ transport: Transport) async throws {
    try await withEndpoint(transport, limits: RPCLimits(maxConcurrentCalls: 2)) { endpoint in
      async let first = endpoint.client.echo(.init(number: 1, delayMs: 1), options: Self.patient)
      async let second = endpoint.client.echo(.init(number: 2, delayMs: 1), options: Self.patient)
      await endpoint.handler.wait { $0.started == [1, 2] }
      let error = await rpcError {
        _ = try await endpoint.client.echo(.init(number: 3), options: Self.patient)
      }
      #expect(error?.status == .resourceExhausted)
      #expect(error?.notProcessed == true)
      endpoint.handler.release(1)
      endpoint.handler.release(2)
      _ = try await (first, second)
      _ = try await endpoint.client.echo(.init(number: 4), options: Self.patient)
      #expect(!endpoint.handler.snapshot.started.contains(3))
    }
  }

  @Test("the methods of a server can be listed", arguments: Transport.allCases)
  func methods(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let methods = try await endpoint.channel.methods(options: Self.patient)
      #expect(methods == GoldenVectorTests.methods)
    }
  }
}
