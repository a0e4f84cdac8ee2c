import NIOCore
import NIOPosix
import Synchronization

/// Stands between services and one of them, and misbehaves on demand.
final class FaultProxy: Sendable {
  enum Mode: Sendable {
    case pass
    /// Everything takes longer by this, both ways.
    case slow(TimeAmount)
    /// Every byte that comes is answered with noise, and none is passed on.
    case garbage
  }

  private let mode = Mutex(Mode.pass)
  private let target = Mutex(0)
  private let server: any Channel

  var port: Int { self.server.localAddress?.port ?? 0 }

  private init(server: any Channel) {
    self.server = server
  }

  /// Listens on a free port of 127.0.0.1.
  static func start() async throws -> FaultProxy {
    let late = LateProxy()
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        guard let proxy = late.proxy.withLock(\.self) else { return channel.close() }
        return proxy.accept(channel)
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let proxy = FaultProxy(server: server)
    late.proxy.withLock { $0 = proxy }
    return proxy
  }

  /// Where connections go on to, on 127.0.0.1.
  func setTarget(port: Int) {
    self.target.withLock { $0 = port }
  }

  /// For connections that are open as well.
  func setMode(_ mode: Mode) {
    self.mode.withLock { $0 = mode }
  }

  func close() {
    self.server.close(promise: nil)
  }

  private func accept(_ inbound: any Channel) -> EventLoopFuture<Void> {
    let port = self.target.withLock(\.self)
    return ClientBootstrap(group: inbound.eventLoop)
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .connectTimeout(.seconds(2))
      .connect(host: "127.0.0.1", port: port)
      .flatMap { outbound in
        inbound.eventLoop.makeCompletedFuture {
          try inbound.pipeline.syncOperations.addHandler(
            FaultRelay(to: outbound, answersNoise: true) { self.mode.withLock(\.self) })
          try outbound.pipeline.syncOperations.addHandler(
            FaultRelay(to: inbound, answersNoise: false) { self.mode.withLock(\.self) })
        }
      }
  }
}

/// The proxy, once there is one: its server accepts connections through it.
private final class LateProxy: Sendable {
  let proxy = Mutex<FaultProxy?>(nil)
}

/// Passes what one side says to the other, as the mode has it. Touched on its loop only.
private final class FaultRelay: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  private let partner: any Channel
  private let answersNoise: Bool
  private let mode: @Sendable () -> FaultProxy.Mode
  /// Nothing overtakes what was held up.
  private var heldUntil = NIODeadline.uptimeNanoseconds(0)

  init(
    to partner: any Channel, answersNoise: Bool, mode: @escaping @Sendable () -> FaultProxy.Mode
  ) {
    self.partner = partner
    self.answersNoise = answersNoise
    self.mode = mode
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = self.unwrapInboundIn(data)
    switch self.mode() {
    case .pass: self.pass(bytes, context.eventLoop, delay: .zero)
    case .slow(let delay): self.pass(bytes, context.eventLoop, delay: delay)
    case .garbage:
      guard self.answersNoise else { return }
      let noise = (0..<max(64, bytes.readableBytes)).map { _ in UInt8.random(in: 0...255) }
      context.channel.writeAndFlush(ByteBuffer(bytes: noise), promise: nil)
    }
  }

  private func pass(_ bytes: ByteBuffer, _ loop: any EventLoop, delay: TimeAmount) {
    let due = max(self.heldUntil, .now() + delay)
    guard due > .now() else {
      self.partner.writeAndFlush(bytes, promise: nil)
      return
    }
    self.heldUntil = due
    let partner = self.partner
    loop.scheduleTask(deadline: due) { partner.writeAndFlush(bytes, promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.partner.close(promise: nil)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
