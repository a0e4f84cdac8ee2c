public import NIOCore
import NIOPosix
import Synchronization

/// Serves the methods of some services at one or more addresses.
public final class RPCServer: Sendable {
  private struct State {
    var channels: [any Channel] = []
    var inProcess: [(String, InProcessNetwork)] = []
    var connections: [ObjectIdentifier: ServerConnection] = [:]
    var isShuttingDown = false
    var drained: [CheckedContinuation<Void, Never>] = []
  }

  private let group: any EventLoopGroup
  private let limits: RPCLimits
  private let table: MethodTable
  private let executors: [ObjectIdentifier: EventLoopTaskExecutor]
  private let onUnhandledError: @Sendable (any Error, RPCContext) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - services: their methods get the slots, in this order.
  ///   - onUnhandledError: told of every error that is not an ``RPCError``; the caller sees only
  ///     INTERNAL.
  /// - Throws: when two methods have the same name or hash.
  public init(
    services: [RPCService], group: any EventLoopGroup, limits: RPCLimits = .standard,
    onUnhandledError: @escaping @Sendable (any Error, RPCContext) -> Void = { _, _ in }
  ) throws {
    self.group = group
    self.limits = limits
    self.table = try MethodTable(services)
    var executors: [ObjectIdentifier: EventLoopTaskExecutor] = [:]
    for loop in group.makeIterator() {
      executors[ObjectIdentifier(loop)] = EventLoopTaskExecutor(loop: loop)
    }
    self.executors = executors
    self.onUnhandledError = onUnhandledError
  }

  /// `sugang.pay.v1.PayService/Approve` …, in the order of their slots.
  public var methods: [String] { self.table.methods.map(\.fullName) }

  /// Starts to accept connections.
  ///
  /// - Returns: the bound address: with the real port where 0 was asked for.
  /// - Throws: ``RPCError`` when the address is taken or cannot be bound.
  @discardableResult
  public func listen(on address: RPCAddress) async throws(RPCError) -> RPCAddress {
    switch address {
    case .inProcess(let name, let network):
      let loop = self.group.next()
      try network.listen(name, loop: loop) { _ in self.makeConnection(on: loop) }
      self.state.withLock { $0.inProcess.append((name, network)) }
      return address
    case .tcp(let host, let port):
      let channel = try await self.bind(address) { $0.bind(host: host, port: port) }
      return .tcp(host: host, port: channel.localAddress?.port ?? port)
    case .unix(let path):
      _ = try await self.bind(address) {
        $0.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
      }
      return address
    }
  }

  /// Stops in order: accepts nothing new, tells every client, waits up to `grace` for the calls
  /// that run, then closes.
  public func shutdown(grace: Duration = .seconds(5)) async {
    let (channels, inProcess, connections) = self.state.withLock { state in
      state.isShuttingDown = true
      return (state.channels, state.inProcess, Array(state.connections.values))
    }
    for (name, network) in inProcess {
      network.stopListening(name)
    }
    for channel in channels {
      try? await channel.close()
    }
    for connection in connections {
      connection.loop.execute { connection.drain() }
    }
    let abandon = self.group.next().scheduleTask(in: TimeAmount(grace)) {
      for connection in connections {
        connection.loop.execute { connection.abandon() }
      }
    }
    await withCheckedContinuation { continuation in
      let isDrained = self.state.withLock { state in
        guard !state.connections.isEmpty else { return true }
        state.drained.append(continuation)
        return false
      }
      if isDrained {
        continuation.resume()
      }
    }
    abandon.cancel()
  }

  private func bind(
    _ address: RPCAddress, _ bind: (ServerBootstrap) -> EventLoopFuture<any Channel>
  ) async throws(RPCError) -> any Channel {
    var bootstrap = ServerBootstrap(group: self.group)
      .serverChannelOption(.backlog, value: 256)
      .childChannelOption(.writeBufferWaterMark, value: SocketWire.writeBuffer)
      .childChannelInitializer { channel in
        guard let connection = self.makeConnection(on: channel.eventLoop) else {
          return channel.close()
        }
        return SocketWire.configure(channel, connection)
      }
    if case .tcp = address {
      bootstrap = bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.socketOption(.so_keepalive), value: 1)
    }
    let channel: any Channel
    do {
      channel = try await bind(bootstrap).get()
    } catch {
      throw RPCError(.unavailable, "cannot listen on \(address): \(error)")
    }
    let isTooLate = self.state.withLock { state in
      state.channels.append(channel)
      return state.isShuttingDown
    }
    guard !isTooLate else {
      try? await channel.close()
      throw RPCError(.unavailable, "the server has shut down")
    }
    return channel
  }

  private func makeConnection(on loop: any EventLoop) -> ServerConnection? {
    let connection = ServerConnection(
      loop: loop, limits: self.limits, table: self.table,
      executor: self.executors[ObjectIdentifier(loop)] ?? EventLoopTaskExecutor(loop: loop),
      onUnhandledError: self.onUnhandledError, onEnd: { self.forget($0) })
    return self.state.withLock { state in
      guard !state.isShuttingDown else { return nil }
      state.connections[ObjectIdentifier(connection)] = connection
      return connection
    }
  }

  private func forget(_ connection: ServerConnection) {
    let drained = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
      state.connections[ObjectIdentifier(connection)] = nil
      return state.connections.isEmpty ? exchange(&state.drained, with: []) : []
    }
    for waiter in drained {
      waiter.resume()
    }
  }
}
