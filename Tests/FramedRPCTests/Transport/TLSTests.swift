import Contracts
import Foundation
import FramedRPC
import FramedRPCTLS
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// Who may talk to whom over TLS. What is the same as over TCP, the other suites show.
@Suite("TLS", .timeLimit(.minutes(2)))
struct TLSTests {
  /// What a server said of the connections it refused.
  private final class Refusals: Sendable {
    private let (stream, told) = AsyncStream<String>.makeStream()

    func add(_ reason: String) { self.told.yield(reason) }

    func next() async -> String? {
      for await reason in self.stream { return reason }
      return nil
    }
  }

  /// A server named `pay`, its address, and what it refuses.
  private func withServer(
    clients: TLSServer.Clients, credentials: TLSCredentials? = nil,
    limits: RPCLimits = .standard, handler: TestHandler = TestHandler(),
    _ body: (RPCAddress, Refusals) async throws -> Void
  ) async throws {
    let refusals = Refusals()
    let security = TLSServer(
      try credentials ?? Certificates.credentials("pay"), clients: clients,
      onRefused: { _, reason in refusals.add(reason) })
    let server = try RPCServer(
      services: [FramedrpcV1.TestService.register(handler, on: .eventLoop)],
      group: Endpoint.group, limits: limits, security: security)
    let address = try await server.listen(on: Transport.tls.freshAddress())
    do {
      try await body(address, refusals)
    } catch {
      await server.shutdown(grace: .zero)
      throw error
    }
    await server.shutdown(grace: .zero)
  }

  /// One call as the owner of these credentials, or in plaintext.
  private func call(
    _ address: RPCAddress, _ credentials: TLSCredentials?, serverName: String = "pay",
    limits: RPCLimits = .standard
  ) async -> RPCError? {
    let channel = RPCClient(
      address: address, group: Endpoint.group, limits: limits,
      security: credentials.map { TLSClient($0, serverName: serverName) })
    defer { channel.shutdown() }
    return await rpcError {
      _ = try await FramedrpcV1.TestServiceClient(channel).echo(
        .init(), options: CallSuite.patient)
    }
  }

  // MARK: names

  @Test("a server is known by its DNS name or its URI, whatever is dialled")
  func serverNames() async throws {
    try await self.withServer(clients: .verified) { address, _ in
      let course = try Certificates.credentials("course")
      for name in ["pay", "PAY", "spiffe://sugang/pay"] {
        #expect(await self.call(address, course, serverName: name) == nil)
      }
    }
  }

  @Test(
    "a server with another name is refused",
    arguments: ["course", "127.0.0.1", "spiffe://sugang/course", "SPIFFE://sugang/pay", "pa", ""])
  func wrongServerName(_ name: String) async throws {
    let handler = TestHandler()
    try await self.withServer(clients: .verified, handler: handler) { address, _ in
      let error = await self.call(
        address, try Certificates.credentials("course"), serverName: name)
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
      #expect(
        error?.message.hasSuffix(
          "the server's certificate is for pay, spiffe://sugang/pay, not for \(name)") == true)
      #expect(handler.snapshot.started.isEmpty)
    }
  }

  @Test("a client with another name is refused, and told so")
  func wrongClientName() async throws {
    let handler = TestHandler()
    let clients = TLSServer.Clients.named(["pay", "spiffe://sugang/gift"])
    try await self.withServer(clients: clients, handler: handler) { address, refusals in
      let error = await self.call(address, try Certificates.credentials("course"))
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
      let reason = "this server takes no calls of course, spiffe://sugang/course"
      #expect(error?.message.hasSuffix(reason) == true)
      #expect(await refusals.next() == reason)
      #expect(handler.snapshot.started.isEmpty)
      #expect(await self.call(address, try Certificates.credentials("pay")) == nil)
    }
  }

  @Test("the handler sees who calls", arguments: [TLSServer.Clients.anyone, .verified])
  func identity(_ clients: TLSServer.Clients) async throws {
    let handler = TestHandler()
    try await self.withServer(clients: clients, handler: handler) { address, _ in
      #expect(await self.call(address, try Certificates.credentials("course")) == nil)
      let peer = try #require(handler.snapshot.contexts.first?.peer)
      #expect(peer.isTLS)
      #expect(peer.identity == (clients == .anyone ? [] : ["course", "spiffe://sugang/course"]))
      #expect(peer.address.hasPrefix("127."))
    }
  }

  @Test("without TLS the handler sees an address and no name", arguments: Transport.allCases)
  func plainPeer(_ transport: Transport) async throws {
    guard transport != .tls else { return }
    try await withEndpoint(transport) { endpoint in
      _ = try await endpoint.client.echo(.init(), options: CallSuite.patient)
      let peer = try #require(endpoint.handler.snapshot.contexts.first?.peer)
      #expect(!peer.isTLS)
      #expect(peer.identity.isEmpty)
      switch transport {
      case .unix: #expect(peer.address == "unix")
      case .inProcess: #expect(peer.address == "in-process:test")
      case .tcp, .tls: #expect(peer.address.hasPrefix("127."))
      }
    }
  }

  // MARK: authorities

  @Test("a server of an unknown authority is refused")
  func unknownServer() async throws {
    let stranger = try TLSCredentials(
      TLSFiles(folder: "\(Certificates.folder)/stranger", name: "pay"))
    try await self.withServer(clients: .anyone, credentials: stranger) { address, refusals in
      let error = await self.call(address, try Certificates.credentials("course"))
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
      #expect(
        error?.message.hasSuffix("the peer's certificate is not from a trusted authority") == true)
      #expect(
        await refusals.next()
          == "TLS: the peer does not trust the authority of this end's certificate")
    }
  }

  @Test("a client of an unknown authority is refused, and told so")
  func unknownClient() async throws {
    let handler = TestHandler()
    try await self.withServer(clients: .verified, handler: handler) { address, refusals in
      let stranger = try TLSCredentials(
        TLSFiles(
          roots: "\(Certificates.folder)/ca.pem",
          certificate: "\(Certificates.folder)/stranger/pay.pem",
          key: "\(Certificates.folder)/stranger/pay.key"))
      let error = await self.call(address, stranger)
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
      #expect(error?.message.contains("does not trust the authority") == true)
      #expect(
        await refusals.next() == "TLS: the peer's certificate is not from a trusted authority")
      #expect(handler.snapshot.started.isEmpty)
    }
  }

  @Test("a client without a certificate is refused by mutual TLS, and told so")
  func noClientCertificate() async throws {
    let handler = TestHandler()
    try await self.withServer(clients: .verified, handler: handler) { address, refusals in
      let nobody = try TLSCredentials(TLSFiles(roots: "\(Certificates.folder)/ca.pem"))
      let error = await self.call(address, nobody)
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
      #expect(error?.message.hasSuffix("TLS: the peer requires a certificate") == true)
      #expect(await refusals.next() == "TLS: the peer showed no certificate")
      #expect(handler.snapshot.started.isEmpty)
    }
    try await self.withServer(clients: .anyone) { address, _ in
      let nobody = try TLSCredentials(TLSFiles(roots: "\(Certificates.folder)/ca.pem"))
      #expect(await self.call(address, nobody) == nil)
    }
  }

  // MARK: versions and mix-ups

  /// A bare TLS client, which talks no FramedRPC.
  private func bareClient(
    _ address: RPCAddress, maximum: TLSVersion, minimum: TLSVersion
  ) async throws -> (any Channel, EventLoopFuture<Void>) {
    guard case .tcp(let host, let port) = address else { throw CancellationError() }
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = minimum
    configuration.maximumTLSVersion = maximum
    configuration.certificateVerification = .none
    let context = try NIOSSLContext(configuration: configuration)
    let channel = try await ClientBootstrap(group: Endpoint.group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: nil))
        }
      }
      .connect(host: host, port: port).get()
    return (channel, channel.closeFuture)
  }

  @Test("TLS 1.2 is refused")
  func oldVersion() async throws {
    try await self.withServer(clients: .anyone) { address, refusals in
      let (_, closed) = try await self.bareClient(address, maximum: .tlsv12, minimum: .tlsv12)
      try await closed.get()
      #expect(await refusals.next() == "TLS: the peer does not speak TLS 1.3")
      // The same with TLS 1.3 gets as far as the handshake of FramedRPC.
      let (channel, _) = try await self.bareClient(address, maximum: .tlsv13, minimum: .tlsv12)
      var hello = ByteBuffer()
      Hello(maxFrameBytes: 64 * 1024).write(into: &hello)
      try await channel.writeAndFlush(hello)
      try await channel.close()
    }
  }

  @Test("a plaintext client of a TLS port is told so at once")
  func plaintextClient() async throws {
    try await self.withServer(clients: .verified) { address, refusals in
      let error = await self.call(address, nil)
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
      #expect(error?.message.hasSuffix("this port takes TLS, not plaintext") == true)
      #expect(await refusals.next() == "the client does not speak TLS")
    }
  }

  @Test("a TLS client of a plaintext port is told so at once")
  func plaintextServer() async throws {
    try await withEndpoint(.tcp) { endpoint in
      let error = await self.call(endpoint.address, try Certificates.credentials("course"))
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == true)
      #expect(error?.message.hasSuffix("the server does not speak TLS on this port") == true)
    }
  }

  @Test("a handshake that stops half way ends with its time, on both sides")
  func slowHandshake() async throws {
    let limits = RPCLimits(handshakeTimeout: .milliseconds(50))
    // A server that says nothing.
    let silent = try await ServerBootstrap(group: Endpoint.group)
      .childChannelInitializer { $0.eventLoop.makeSucceededVoidFuture() }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(silent.localAddress?.port)
    let error = await self.call(
      .tcp(host: "127.0.0.1", port: port), try Certificates.credentials("course"), limits: limits)
    #expect(error?.status == .unavailable)
    #expect(error?.message.hasSuffix("the TLS handshake took longer than 0.05 s") == true)
    try await silent.close()
    // A client that says nothing.
    try await self.withServer(clients: .anyone, limits: limits) { address, refusals in
      guard case .tcp(let host, let port) = address else { return }
      let channel = try await ClientBootstrap(group: Endpoint.group)
        .connect(host: host, port: port).get()
      #expect(await refusals.next() == "the TLS handshake took longer than 0.05 s")
      try await channel.closeFuture.get()
    }
  }

  // MARK: the end

  /// Takes frames until the end.
  private final class Collector: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private var parser = FrameParser(maxFrameBytes: 2 * 1024 * 1024)
    private var frames: [Frame] = []
    let all: EventLoopPromise<[Frame]>

    init(on loop: any EventLoop) {
      self.all = loop.makePromise()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      self.parser.append(self.unwrapInboundIn(data))
      while let frame = try? self.parser.next() { self.frames.append(frame) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      self.all.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
      self.all.succeed(self.frames)
    }
  }

  /// For a client whose hello is a step of a test of its own: on a machine with much to do, that
  /// step may come late.
  private static let patience = Duration.seconds(60)

  @Test("what was queued when the server ends arrives whole, with GOAWAY behind it")
  func lastFrames() async throws {
    let handler = TestHandler()
    var limits = RPCLimits(maxFrameBytes: 2 * 1024 * 1024)
    limits.handshakeTimeout = Self.patience
    let server = try RPCServer(
      services: [FramedrpcV1.TestService.register(handler, on: .eventLoop)],
      group: Endpoint.group, limits: limits,
      security: TLSServer(try Certificates.credentials("pay"), clients: .anyone))
    let address = try await server.listen(on: Transport.tls.freshAddress())
    let (channel, _) = try await self.bareClient(address, maximum: .tlsv13, minimum: .tlsv13)
    let collector = Collector(on: channel.eventLoop)
    // Whatever goes wrong before: a promise may not be forgotten.
    defer { collector.all.fail(ChannelError.eof) }
    try await channel.pipeline.addHandler(collector)
    var hello = ByteBuffer()
    Hello(maxFrameBytes: 2 * 1024 * 1024).write(into: &hello)
    hello.writeImmutableBuffer(try ServerBench.heldEcho(1).bytes)
    try await channel.writeAndFlush(hello)
    await handler.wait { $0.started == [1] }
    // More than a socket holds.
    try await channel.setOption(.autoRead, value: false).get()
    var calls = ByteBuffer()
    for slot in 1...8 {
      calls.writeImmutableBuffer(
        try ServerBench.reflect(bytes: 1024 * 1024, stream: .slot(slot)).bytes)
    }
    try await channel.writeAndFlush(calls)
    await handler.wait { $0.reflected >= 1 }
    async let shutdown: Void = server.shutdown(grace: .seconds(600))
    // When nobody is let in any more, the end has begun.
    while await self.call(address, try Certificates.credentials("course")) == nil {}
    handler.release(1)
    try await channel.setOption(.autoRead, value: true).get()
    let frames = try await collector.all.futureResult.get()
    let answers = frames.filter { $0.header.type == .response && $0.status == .ok }
    #expect(answers.contains { $0.body.readableBytes > 1024 * 1024 })
    #expect(answers.contains { $0.header.stream == .slot(0) }, "the last to be answered")
    #expect(answers.count == handler.snapshot.reflected + 1)
    #expect(frames.contains { $0.header.type == .goAway })
    await shutdown
  }

  @Test("a client that never reads is dropped without waiting for its farewell")
  func neverReading() async throws {
    let handler = TestHandler()
    var limits = RPCLimits(
      maxFrameBytes: 2 * 1024 * 1024, maxQueuedBytes: .max, maxUnreadBytes: 4 * 1024 * 1024)
    limits.handshakeTimeout = Self.patience
    try await self.withServer(clients: .anyone, limits: limits, handler: handler) { address, _ in
      let (channel, _) = try await self.bareClient(address, maximum: .tlsv13, minimum: .tlsv13)
      var hello = ByteBuffer()
      Hello(maxFrameBytes: 2 * 1024 * 1024).write(into: &hello)
      hello.writeImmutableBuffer(try ServerBench.heldEcho(1).bytes)
      try await channel.writeAndFlush(hello)
      await handler.wait { $0.started == [1] }
      try await channel.setOption(.autoRead, value: false).get()
      var calls = ByteBuffer()
      for slot in 1...200 {
        calls.writeImmutableBuffer(
          try ServerBench.reflect(bytes: 1024 * 1024, stream: .slot(slot)).bytes)
      }
      // It may be dropped before all of them are on their way.
      channel.writeAndFlush(calls, promise: nil)
      await handler.wait { $0.cancelled == [1] }
      try? await channel.close()
      #expect(await self.call(address, try Certificates.credentials("course")) == nil)
    }
  }
}
