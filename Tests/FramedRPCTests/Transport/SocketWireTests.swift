import Contracts
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import FramedRPC

/// In virtual time, on a channel whose peer reads when the test says so.
@Suite("The end of a socket")
struct SocketWireTests {
  /// Stands where the socket would be: keeps what the peer does not read, and the FIN behind it.
  private final class SlowPeer: ChannelOutboundHandler, @unchecked Sendable {
    typealias OutboundIn = ByteBuffer

    private var context: ChannelHandlerContext?
    private var kept: [ByteBuffer] = []
    private var end: EventLoopPromise<Void>?
    private(set) var hasEnded = false
    private(set) var isClosed = false

    func handlerAdded(context: ChannelHandlerContext) {
      self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
      self.context = nil
    }

    /// The channel counts what was not flushed.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
      self.kept.append(self.unwrapOutboundIn(data))
      context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {}

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
      guard mode == .output else {
        self.isClosed = true
        return context.close(mode: mode, promise: promise)
      }
      self.end = promise ?? context.eventLoop.makePromise()
      self.endIfRead()
    }

    /// Reads the oldest write.
    func read() {
      self.kept.removeFirst()
      self.context?.flush()
      for rest in self.kept {
        self.context?.write(NIOAny(rest), promise: nil)
      }
      self.endIfRead()
    }

    private func endIfRead() {
      guard self.kept.isEmpty, let end = self.end else { return }
      self.hasEnded = true
      end.succeed()
    }
  }

  /// A wire above a slow peer, with so many writes of 1,000 bytes queued.
  private struct Bench {
    let channel = EmbeddedChannel()
    let peer = SlowPeer()
    let wire: SocketWire

    init(writes: Int) throws {
      self.wire = SocketWire(
        connection: FramedConnection(loop: self.channel.embeddedEventLoop, limits: .standard))
      try self.channel.pipeline.syncOperations.addHandler(self.peer)
      try self.channel.pipeline.syncOperations.addHandler(self.wire)
      for _ in 0..<writes { self.wire.write(ByteBuffer(repeating: 1, count: 1_000)) }
    }

    func advance(_ time: TimeAmount) {
      self.channel.embeddedEventLoop.advanceTime(by: time)
    }
  }

  @Test("a reader that needs longer than two seconds gets all of its answers")
  func slowReader() throws {
    let bench = try Bench(writes: 10)
    bench.wire.close(within: .seconds(30))
    for _ in 0..<10 {
      bench.advance(.milliseconds(1_999))
      #expect(!bench.peer.isClosed)
      bench.peer.read()
    }
    #expect(bench.peer.hasEnded)
    // Then the peer has two seconds to close its side.
    bench.advance(.milliseconds(1_999))
    #expect(!bench.peer.isClosed)
    bench.advance(.milliseconds(1))
    #expect(bench.peer.isClosed)
  }

  @Test("a reader that is not done has its limit, and a second close can only shorten it")
  func stuckReader() throws {
    for (second, seconds) in [(60, 30), (15, 25)] as [(Int64, Int64)] {
      let bench = try Bench(writes: 100)
      bench.wire.close(within: .seconds(30))
      bench.advance(.seconds(10))
      bench.peer.read()
      bench.wire.close(within: .seconds(second))
      bench.advance(.seconds(seconds - 10) - .milliseconds(1))
      #expect(!bench.peer.isClosed)
      bench.advance(.milliseconds(1))
      #expect(bench.peer.isClosed)
      #expect(!bench.peer.hasEnded)
    }
  }

  @Test("a peer that does not close its side either is given up after two seconds")
  func lingering() throws {
    let bench = try Bench(writes: 0)
    bench.wire.close(within: .seconds(30))
    #expect(bench.peer.hasEnded)
    bench.wire.close(within: .seconds(30))
    bench.advance(.milliseconds(1_999))
    #expect(!bench.peer.isClosed)
    bench.advance(.milliseconds(1))
    #expect(bench.peer.isClosed)
  }

  @Test("a limit of zero throws away what is queued")
  func noTime() throws {
    let bench = try Bench(writes: 1)
    bench.wire.close(within: .zero)
    #expect(bench.peer.isClosed)
    #expect(!bench.peer.hasEnded)
  }
}

/// What a socket does when its other end misbehaves or is forgotten.
@Suite("Sockets without a client behind them", .timeLimit(.minutes(2)))
struct BareSocketTests {
  /// Says hello from the server's side and nothing more.
  private final class Greeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
      var bytes = ByteBuffer()
      ClientBench.settings.write(into: &bytes)
      context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
    }
  }

  @Test("a client that nobody keeps any more closes its connection")
  func forgottenClient() async throws {
    let closed = Endpoint.group.next().makePromise(of: Void.self)
    let server = try await ServerBootstrap(group: Endpoint.group)
      .childChannelInitializer { channel in
        channel.closeFuture.cascade(to: closed)
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Greeter())
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(server.localAddress?.port)
    var client: RPCClient? = RPCClient(
      address: .tcp(host: "127.0.0.1", port: port), group: Endpoint.group)
    let methods = try await client?.methods(options: CallSuite.patient)
    #expect(methods == ClientBench.settings.methods)
    weak let forgotten = client
    client = nil
    #expect(forgotten == nil)
    try await closed.futureResult.get()
    try await server.close()
  }

  @Test("a client that asks for much and never reads is dropped, and its handlers are cancelled")
  func neverReading() async throws {
    let limits = RPCLimits(
      maxFrameBytes: 2 * 1024 * 1024, maxQueuedBytes: .max, maxUnreadBytes: 4 * 1024 * 1024)
    try await withEndpoint(.tcp, limits: limits) { endpoint in
      guard case .tcp(let host, let port) = endpoint.address else { return }
      let channel = try await ClientBootstrap(group: Endpoint.group)
        .channelOption(.autoRead, value: false).connect(host: host, port: port).get()
      var bytes = ByteBuffer()
      Hello(maxFrameBytes: 2 * 1024 * 1024).write(into: &bytes)
      bytes.writeImmutableBuffer(try ServerBench.heldEcho(1).bytes)
      for slot in 1...200 {
        bytes.writeImmutableBuffer(
          try ServerBench.reflect(bytes: 1024 * 1024, stream: .slot(slot)).bytes)
      }
      try await channel.writeAndFlush(bytes)
      await endpoint.handler.wait { $0.cancelled == [1] }
      try? await channel.close()
      // Everybody else is served.
      _ = try await endpoint.client.echo(.init(number: 2), options: CallSuite.patient)
    }
  }
}
