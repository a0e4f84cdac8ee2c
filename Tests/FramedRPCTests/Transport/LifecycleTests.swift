import Contracts
import Foundation
import FramedRPC
import NIOCore
import Testing

/// Servers that come and go under their clients.
@Suite("Shutting down and coming back", .timeLimit(.minutes(2)))
struct LifecycleTests {
  private static let ready = CallOptions(timeout: nil, waitForReady: true)

  /// Listens where another server has been.
  private func restart(
    _ endpoint: Endpoint, handler: TestHandler = TestHandler()
  ) async throws -> RPCServer {
    let server = try Endpoint.makeServer(endpoint.transport, handler: handler)
    try await Self.listen(server, on: endpoint.address)
    return server
  }

  /// Listens where another server did. A child process that another test is just starting has a copy
  /// of that server's socket, until it runs its own program.
  private static func listen(_ server: RPCServer, on address: RPCAddress) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while let error = await rpcError({ try await server.listen(on: address) }) {
      guard error.status == .alreadyExists, .now < end else { throw error }
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  @Test(
    "ServerShutdown: calls in flight are answered, then it is over", arguments: Transport.allCases)
  func drain(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      async let call = endpoint.client.echo(.init(number: 1, delayMs: 1), options: Self.ready)
      await endpoint.handler.wait { $0.started == [1] }
      async let shutdown: Void = endpoint.server.shutdown(grace: .seconds(600))
      // New calls find no server; when they do, the drain has begun.
      while await rpcError({
        _ = try await endpoint.client.echo(.init(number: 2), options: CallSuite.patient)
      }) == nil {}
      endpoint.handler.release(1)
      let first = try await call.number
      #expect(first == 1)
      await shutdown
    }
  }

  @Test(
    "a call that was not taken on is sent again on the next connection",
    arguments: Transport.allCases)
  func retry(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      async let held = endpoint.client.echo(.init(number: 1, delayMs: 1), options: Self.ready)
      await endpoint.handler.wait { $0.started == [1] }
      async let shutdown: Void = endpoint.server.shutdown(grace: .seconds(600))
      // Waits for the new server, whichever connection it tried first.
      async let later = endpoint.client.echo(.init(number: 2), options: Self.ready)
      let handler = TestHandler()
      let next = try await self.takeOver(endpoint, handler: handler)
      let second = try await later.number
      #expect(second == 2)
      endpoint.handler.release(1)
      let first = try await held.number
      #expect(first == 1)
      await shutdown
      let started = (endpoint.handler.snapshot.started, handler.snapshot.started)
      #expect(started.0.contains(2) != started.1.contains(2), "exactly one server ran it")
      await next.shutdown(grace: .zero)
    }
  }

  /// Listens as soon as the old server gives its address back, at some moment of its shutdown. A
  /// Unix socket's file goes then, whoever listens on it, so that must come first.
  private func takeOver(
    _ endpoint: Endpoint, handler: TestHandler
  ) async throws -> RPCServer {
    if case .unix(let path) = endpoint.address {
      while FileManager.default.fileExists(atPath: path) {
        try Task.checkCancellation()
        await Task.yield()
      }
    }
    let server = try Endpoint.makeServer(endpoint.transport, handler: handler)
    while await rpcError({ try await server.listen(on: endpoint.address) }) != nil {
      await Task.yield()
    }
    return server
  }

  @Test(
    "the grace is over: running handlers are cancelled, callers told", arguments: Transport.allCases
  )
  func grace(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let call = Task {
        await rpcError {
          _ = try await endpoint.client.echo(
            .init(number: 1, delayMs: 1), options: CallSuite.patient)
        }
      }
      await endpoint.handler.wait { $0.started == [1] }
      await endpoint.server.shutdown(grace: .zero)
      let error = await call.value
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == false)
      await endpoint.handler.wait { $0.cancelled == [1] }
    }
  }

  @Test(
    "ImmediateServerShutdown: before a call, twice, and at the same time",
    arguments: Transport.allCases)
  func shutdownTwice(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      _ = try await endpoint.client.echo(.init(), options: CallSuite.patient)
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask { await endpoint.server.shutdown() }
        }
      }
      await endpoint.server.shutdown()
      let error = await rpcError {
        _ = try await endpoint.client.echo(.init(), options: CallSuite.patient)
      }
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
    }
  }

  @Test(
    "a server that has shut down does not listen any more, and keeps no address",
    arguments: Transport.allCases)
  func listenAfterShutdown(_ transport: Transport) async throws {
    let server = try Endpoint.makeServer()
    await server.shutdown()
    let address = transport.freshAddress()
    let error = await rpcError { try await server.listen(on: address) }
    #expect(error?.status == .unavailable)
    let other = try Endpoint.makeServer()
    try await other.listen(on: address)
    await other.shutdown()
  }

  @Test(
    "a second shutdown leaves the successor at the same address alone",
    arguments: Transport.allCases)
  func shutdownTwiceWithSuccessor(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      await endpoint.server.shutdown()
      let next = try await self.restart(endpoint)
      await endpoint.server.shutdown()
      let answer = try await endpoint.client.echo(.init(number: 1), options: Self.ready).number
      #expect(answer == 1)
      await next.shutdown(grace: .zero)
    }
  }

  @Test("shutdown waits for a handler whose caller has left", arguments: Transport.allCases)
  func handlerOutlivesCaller(_ transport: Transport) async throws {
    let handler = TestHandler(isDeaf: true)
    try await withEndpoint(transport, handler: handler) { endpoint in
      let call = Task {
        _ = try? await endpoint.client.echo(.init(number: 1, delayMs: 1), options: Self.ready)
      }
      await handler.wait { $0.started == [1] }
      call.cancel()
      await call.value
      await handler.wait { $0.cancelled == [1] }
      endpoint.channel.shutdown()
      let shutdown = Task {
        await endpoint.server.shutdown(grace: .seconds(600))
        return handler.snapshot.finished
      }
      // Nobody answers any more: the shutdown has begun.
      let other = try endpoint.anotherChannel()
      let client = FramedrpcV1.TestServiceClient(other)
      while await rpcError({ _ = try await client.echo(.init(), options: CallSuite.patient) })
        == nil
      {}
      handler.release(1)
      #expect(await shutdown.value.contains(1))
    }
  }

  @Test(
    "without a server a call fails at once, and is not processed", arguments: Transport.allCases)
  func noServer(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      await endpoint.server.shutdown()
      for _ in 0..<3 {
        let error = await rpcError {
          _ = try await endpoint.client.echo(.init(), options: CallSuite.patient)
        }
        #expect(error?.status == .unavailable)
        #expect(error?.notProcessed == true)
      }
    }
  }

  @Test(
    "wait-for-ready: calls made before the server is there are answered",
    arguments: Transport.allCases)
  func waitForReady(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      await endpoint.server.shutdown()
      let calls = (0..<10).map { number in
        Task { try await endpoint.client.echo(.init(number: number), options: Self.ready).number }
      }
      // They are waiting, or soon will: another call has failed by now.
      _ = await rpcError {
        _ = try await endpoint.client.echo(.init(), options: CallSuite.patient)
      }
      let next = try await self.restart(endpoint)
      for (number, call) in calls.enumerated() {
        let answer = try await call.value
        #expect(answer == Int64(number))
      }
      await next.shutdown(grace: .zero)
    }
  }

  @Test(
    "wait-for-ready: a call that begins to wait during a backoff is answered too",
    arguments: Transport.allCases)
  func waitForReadyDuringBackoff(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      await endpoint.server.shutdown()
      // Fails at once, and leaves a backoff behind for which nobody waits.
      _ = await rpcError {
        _ = try await endpoint.client.echo(.init(), options: CallSuite.patient)
      }
      async let call = endpoint.client.echo(.init(number: 1), options: Self.ready)
      let next = try await self.restart(endpoint)
      let answer = try await call.number
      #expect(answer == 1)
      await next.shutdown(grace: .zero)
    }
  }

  @Test("wait-for-ready ends with the deadline, or with the task", arguments: Transport.allCases)
  func waitForReadyEnds(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      await endpoint.server.shutdown()
      for timeout in [Duration.zero, .microseconds(1), .milliseconds(20)] {
        let late = await rpcError {
          _ = try await endpoint.client.echo(
            .init(), options: CallOptions(timeout: timeout, waitForReady: true))
        }
        #expect(late?.status == .deadlineExceeded)
        #expect(late?.notProcessed == true)
      }
      let call = Task {
        await rpcError { _ = try await endpoint.client.echo(.init(), options: Self.ready) }
      }
      call.cancel()
      #expect(await call.value?.status == .cancelled)
    }
  }

  @Test("a client reconnects after its server was replaced", arguments: Transport.allCases)
  func reconnect(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      _ = try await endpoint.client.echo(.init(number: 1), options: CallSuite.patient)
      await endpoint.server.shutdown()
      let handler = TestHandler()
      let next = try await self.restart(endpoint, handler: handler)
      let answer = try await endpoint.client.echo(.init(number: 2), options: Self.ready).number
      #expect(answer == 2)
      #expect(handler.snapshot.started == [2])
      await next.shutdown(grace: .zero)
    }
  }

  @Test(
    "a client that shuts down answers what is in flight, and refuses the rest",
    arguments: Transport.allCases)
  func clientShutdown(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      async let held = endpoint.client.echo(.init(number: 1, delayMs: 1), options: Self.ready)
      await endpoint.handler.wait { $0.started == [1] }
      endpoint.channel.shutdown()
      let error = await rpcError {
        _ = try await endpoint.client.echo(.init(number: 2), options: Self.ready)
      }
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
      endpoint.handler.release(1)
      let answer = try await held.number
      #expect(answer == 1)
    }
  }

  @Test(
    "a client that shuts down while it waits for a server fails its calls",
    arguments: Transport.allCases)
  func clientShutdownWhileWaiting(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      await endpoint.server.shutdown()
      let call = Task {
        await rpcError { _ = try await endpoint.client.echo(.init(), options: Self.ready) }
      }
      endpoint.channel.shutdown()
      #expect(await call.value?.status == .unavailable)
    }
  }

  @Test(
    "ServerConnectionsLeak: 200 clients come and go, and shutdown waits for none of them",
    arguments: Transport.allCases)
  func connectionsLeak(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      for _ in 0..<200 {
        let channel = try endpoint.anotherChannel()
        let client = FramedrpcV1.TestServiceClient(channel)
        _ = try await client.echo(.init(), options: CallSuite.patient)
        channel.shutdown()
      }
      // Waits for connections that still exist, for ten minutes: the time limit would say so.
      await endpoint.server.shutdown(grace: .seconds(600))
    }
  }

  @Test("an address that is taken is refused with a word", arguments: Transport.allCases)
  func addressTaken(_ transport: Transport) async throws {
    try await withEndpoint(transport) { endpoint in
      let other = try Endpoint.makeServer()
      let error = await rpcError { try await other.listen(on: endpoint.address) }
      #expect(error?.status == .alreadyExists)
      #expect(error?.message.isEmpty == false)
      await other.shutdown()
      let answer = try await endpoint.client.echo(.init(number: 1), options: CallSuite.patient)
      #expect(answer.number == 1, "the one who was first has kept it")
    }
  }

  @Test("the file of a dead Unix socket is taken over, as after a crash")
  func deadSocket() async throws {
    guard case .unix(let living) = Transport.unix.freshAddress() else { return }
    let server = try Endpoint.makeServer()
    try await server.listen(on: .unix(path: living))
    // Under another name the file outlives its server.
    let dead = "\(living).dead"
    try FileManager.default.moveItem(atPath: living, toPath: dead)
    await server.shutdown()
    #expect(FileManager.default.fileExists(atPath: dead))
    let next = try Endpoint.makeServer()
    try await Self.listen(next, on: .unix(path: dead))
    await next.shutdown()
  }

  @Test("two methods of one name are refused when the server is made")
  func collision() {
    let service = FramedrpcV1.TestService.register(TestHandler())
    #expect(throws: MethodTableError.self) {
      try RPCServer(services: [service, service], group: Endpoint.group)
    }
  }
}
