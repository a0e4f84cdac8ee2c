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
  private let admission: Admission?
  private let handlerTasks: [ObjectIdentifier: HandlerTasks]
  /// By loop; empty when nothing is counted.
  private let statistics: [ObjectIdentifier: LoopStatistics]
  private let watches: IntrospectionWatches
  private let security: (any ServerSecurity)?
  private let onUnhandledError: @Sendable (any Error, RPCContext) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - services: their methods get the slots, in this order.
  ///   - introspection: what the server tells of itself, by services that come after those.
  ///   - admission: how many calls run at once over all connections; nil for as many as come, up to
  ///     ``RPCLimits/maxConcurrentCalls`` of each connection.
  ///   - security: of connections at TCP and Unix addresses; nil is plaintext.
  ///   - onUnhandledError: told of every error that is neither ``RPCError`` nor `CancellationError`,
  ///     on a connection's event loop; the caller sees only INTERNAL.
  /// - Throws: ``MethodTableError`` when two methods have the same name or hash, or there are too
  ///   many.
  public init(
    services: [RPCService], group: any EventLoopGroup, limits: RPCLimits = .standard,
    admission: AdmissionPolicy? = nil, security: (any ServerSecurity)? = nil,
    introspection: ServerIntrospection = ServerIntrospection(),
    onUnhandledError: @escaping @Sendable (any Error, RPCContext) -> Void = { _, _ in }
  ) throws {
    self.group = group
    self.limits = limits
    let serverStatistics = ServerStatistics()
    self.watches = IntrospectionWatches()
    let table = try MethodTable(
      introspection.adding(to: services, serverStatistics, self.watches))
    self.table = table
    self.admission = admission.map { Admission(policy: $0, methods: table.methods.count) }
    if let admission = self.admission {
      introspection.guards?.registerAdmission(as: "rpc") { admission.statistics }
    }
    var handlerTasks: [ObjectIdentifier: HandlerTasks] = [:]
    var statistics: [ObjectIdentifier: LoopStatistics] = [:]
    for loop in group.makeIterator() {
      handlerTasks[ObjectIdentifier(loop)] = HandlerTasks(loop: loop)
      if introspection.statistics != nil {
        statistics[ObjectIdentifier(loop)] = LoopStatistics(
          loop: loop, methodCount: table.methods.count)
      }
    }
    self.handlerTasks = handlerTasks
    self.statistics = statistics
    self.security = security
    self.onUnhandledError = onUnhandledError
    serverStatistics.begin(
      methodNames: table.methods.map(\.fullName), loops: Array(statistics.values),
      connections: { [weak self] in
        self.map { $0.state.withLock { Array($0.connections.values) } } ?? []
      })
  }

  /// `sugang.pay.v1.PayService/Approve` …, in the order of their slots.
  public var methods: [String] { self.table.methods.map(\.fullName) }

  /// What the admission policy has done; nil without one.
  public var admissionStatistics: AdmissionStatistics? { self.admission?.statistics }

  /// Starts to accept connections.
  ///
  /// - Returns: the bound address: with the real port where 0 was asked for.
  /// - Throws: ``RPCError``: ALREADY_EXISTS when another server has the address, UNAVAILABLE when it
  ///   cannot be bound or this server has shut down.
  @discardableResult
  public func listen(on address: RPCAddress) async throws(RPCError) -> RPCAddress {
    switch address {
    case .inProcess(let name, let network):
      let loop = self.group.next()
      try network.listen(name, loop: loop) { self.makeConnection(on: loop) }
      let isTooLate = self.state.withLock { state in
        guard !state.isShuttingDown else { return true }
        state.inProcess.append((name, network))
        return false
      }
      guard !isTooLate else {
        network.stopListening(name)
        throw Self.hasShutDown
      }
      return address
    case .tcp(let host, let port):
      let channel = try await self.bind(address) { $0.bind(host: host, port: port) }
      return .tcp(host: host, port: channel.localAddress?.port ?? port)
    case .unix(let path):
      // Only a dead socket's file is taken over, as after a crash.
      guard try await !self.isAnswered(path) else {
        throw RPCError(.alreadyExists, "\(address) has a server already")
      }
      _ = try await self.bind(address) {
        $0.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
      }
      return address
    }
  }

  /// Whether somebody listens on a Unix socket.
  private func isAnswered(_ path: String) async throws(RPCError) -> Bool {
    do {
      let channel = try await ClientBootstrap(group: self.group)
        .connect(unixDomainSocketPath: path).get()
      channel.close(promise: nil)
      return true
    } catch let error as IOError where [ECONNREFUSED, ENOENT].contains(error.errnoCode) {
      return false
    } catch {
      throw RPCError(.unavailable, "cannot tell whether unix:\(path) has a server: \(error)")
    }
  }

  private static let hasShutDown = RPCError(.unavailable, "the server has shut down")

  /// How long handlers and the last bytes of answers may take once the grace is over.
  private static let endTime: TimeAmount = SocketWire.lingerTimeout

  /// Stops in order: accepts nothing new, tells every client, waits up to `grace` for the calls
  /// that run and for clients to read their answers, then cancels the handlers and closes.
  ///
  /// Returns when no connection is left and no handler runs any more, so that what the handlers use
  /// may be closed; at the latest two seconds after the grace, whatever a handler that does not
  /// heed its cancellation does.
  public func shutdown(grace: Duration = .seconds(5)) async {
    let (channels, inProcess, connections) = self.state.withLock { state in
      state.isShuttingDown = true
      // Taken out: a successor may have the addresses when this is called again.
      return (
        exchange(&state.channels, with: []), exchange(&state.inProcess, with: []),
        Array(state.connections.values)
      )
    }
    self.watches.stop()
    for (name, network) in inProcess {
      network.stopListening(name)
    }
    for channel in channels {
      try? await channel.close()
    }
    for connection in connections {
      connection.loop.execute { connection.drain() }
    }
    let loop = self.group.next()
    let abandon = loop.scheduleTask(in: TimeAmount(grace)) {
      for connection in connections {
        connection.loop.execute { connection.abandon() }
      }
    }
    let giveUp = loop.scheduleTask(in: TimeAmount(grace) + Self.endTime) {
      for connection in connections {
        self.forget(connection)
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
    giveUp.cancel()
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
        return SocketWire.configure(channel, connection, self.security)
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
      let isTaken = (error as? IOError)?.errnoCode == EADDRINUSE
      throw RPCError(
        isTaken ? .alreadyExists : .unavailable, "cannot listen on \(address): \(error)")
    }
    let isTooLate = self.state.withLock { state in
      guard !state.isShuttingDown else { return true }
      state.channels.append(channel)
      return false
    }
    guard !isTooLate else {
      try? await channel.close()
      throw Self.hasShutDown
    }
    return channel
  }

  private func makeConnection(on loop: any EventLoop) -> ServerConnection? {
    let connection = ServerConnection(
      loop: loop, limits: self.limits, table: self.table,
      handlerTasks: self.handlerTasks[ObjectIdentifier(loop)] ?? HandlerTasks(loop: loop),
      statistics: self.statistics[ObjectIdentifier(loop)],
      admission: self.admission,
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
