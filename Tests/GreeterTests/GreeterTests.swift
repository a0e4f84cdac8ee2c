import Contracts
import FramedRPC
import NIOPosix
import Testing

@testable import greeter

/// What the tutorial "Your first service in ten minutes" promises.
@Suite("The greeter of the tutorial")
struct GreeterTests {
  /// A server and a channel to it, without a socket.
  private func withGreeter(
    _ body: (RPCClient) async throws -> Void
  ) async throws {
    let server = try GreeterServer.make()
    let address = try await server.listen(on: .inProcess("greeter", in: InProcessNetwork()))
    let channel = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
    let result: Result<Void, any Error>
    do {
      result = .success(try await body(channel))
    } catch {
      result = .failure(error)
    }
    channel.shutdown()
    await server.shutdown(grace: .zero)
    try result.get()
  }

  @Test("greets by name")
  func greets() async throws {
    let server = try GreeterServer.make()
    let address = try await server.listen(on: .inProcess("greeter", in: InProcessNetwork()))
    let channel = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
    #expect(try await GreeterCaller(channel).hello("Ada") == "Hello, Ada!")
    channel.shutdown()
    await server.shutdown(grace: .zero)
  }

  @Test("prints what the tutorial shows")
  func output() async throws {
    try await self.withGreeter { channel in
      var lines: [String] = []
      try await Greeter.greet("Ada", over: channel) { lines.append($0) }
      #expect(lines == ["Hello, Ada!", "[1, 2, 3]"])
    }
  }

  @Test("says why there is no greeting")
  func nobody() async throws {
    try await self.withGreeter { channel in
      let caller = GreeterCaller(channel)
      let error = await #expect(throws: RPCError.self) { try await caller.hello("") }
      #expect(error?.status == .invalidArgument)
      #expect(error?.reason == "no-name")
      let greeting = try await caller.helloToSomebody("")
      #expect(greeting == "Hello, world!")
    }
  }

  @Test("a call without time left is not sent")
  func deadline() async throws {
    try await self.withGreeter { channel in
      let caller = GreeterCaller(channel)
      let greeting = try await caller.hello("Ada", within: .seconds(60))
      #expect(greeting == "Hello, Ada!")
      let error = await #expect(throws: RPCError.self) {
        try await caller.hello("Ada", within: .zero)
      }
      #expect(error?.status == .deadlineExceeded)
      #expect(error?.notProcessed == true)
    }
  }

  @Test("counts, also further than anybody listens, and the connection goes on")
  func counts() async throws {
    try await self.withGreeter { channel in
      let caller = GreeterCaller(channel)
      let all = try await caller.count(to: 5)
      #expect(all == [1, 2, 3, 4, 5])
      let first = try await caller.firstNumbers(3)
      #expect(first == [1, 2, 3])
      let greeting = try await caller.hello("Ada")
      #expect(greeting == "Hello, Ada!")
      let error = await #expect(throws: RPCError.self) { try await caller.count(to: 0) }
      #expect(error?.status == .outOfRange)
    }
  }
}
