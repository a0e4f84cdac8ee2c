public import NIOCore
import Synchronization

/// A client of one server: one multiplexed connection, made at the first call and again after it is
/// lost.
///
/// A call fails at once while the server cannot be reached, unless it waits for readiness. A call
/// that certainly had no effect (the connection was going away before the server took it on) is
/// sent once more on the next connection. A client that nobody keeps any more shuts down.
public final class RPCClient: RPCChannel, Sendable {
  public let address: RPCAddress
  private let loop: any EventLoop
  private let limits: RPCLimits
  private let security: (any ClientSecurity)?
  private let state = Mutex(ConnectionState())

  /// - Parameter security: of the connection to a TCP or Unix address; nil is plaintext.
  public init(
    address: RPCAddress, group: any EventLoopGroup, limits: RPCLimits = .standard,
    security: (any ClientSecurity)? = nil
  ) {
    self.address = address
    self.loop = group.next()
    self.limits = limits
    self.security = security
    if case .inProcess(_, let network) = address, let simulation = network.simulation {
      self.state.withLock { $0.random = simulation.random }
    }
  }

  deinit {
    // A call keeps its client: nobody waits any more.
    self.shutdown()
  }

  public var decodeLimits: DecodeLimits { self.limits.decode }

  public func call(_ call: RPCCall) async throws -> ByteBuffer {
    try await self.begin(call).answer()
  }

  public func begin(_ call: consuming RPCCall) throws -> RPCPendingCall {
    let now = self.loop.now
    let (metadata, deadline) = try Self.inherit(call, now)
    let connection = self.state.withLock { $0.ready }
    return ClientConnection.Call(
      call, metadata, deadline, client: self,
      connection: connection.flatMap { $0.sendsWhole(call.request, metadata) ? $0 : nil },
      now: now)
  }

  func answerWhenConnected(_ call: ClientConnection.Call) async throws -> ByteBuffer {
    do {
      return try await self.sendWhenConnected(call.rpc, call.metadata, call.deadline)
    } catch {
      return try await self.answer(call, after: error)
    }
  }

  /// Sends a call once more that certainly had no effect.
  ///
  /// Without a connection a second attempt would only repeat the first, unless the call waits for
  /// one; after a GOAWAY it reaches the next server.
  func answer(_ call: ClientConnection.Call, after error: any Error) async throws -> ByteBuffer {
    guard let error = error as? RPCError, error.status == .unavailable, error.notProcessed,
      call.rpc.options.waitForReady || self.state.withLock({ $0.mayRetryAtOnce })
    else { throw error }
    return try await self.sendWhenConnected(call.rpc, call.metadata, call.deadline)
  }

  private func sendWhenConnected(
    _ call: RPCCall, _ metadata: RPCMetadata, _ deadline: NIODeadline?
  ) async throws -> ByteBuffer {
    let connection = try await self.connection(
      deadline: deadline, waitForReady: call.options.waitForReady)
    return try await connection.call(call, metadata, deadline)
  }

  /// A stream is not made again elsewhere: its messages are not kept.
  public func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    let (metadata, deadline) = try Self.inherit(call, self.loop.now)
    let connection = try await self.connection(
      deadline: deadline, waitForReady: call.options.waitForReady)
    // A request that would hold up the frames behind it goes as DATA.
    let fits = call.request.readableBytes <= DataLane.chunkBytes
    let messages = try connection.open(
      ClientConnection.Call(
        call, metadata, deadline, carriesRequest: !kind.clientStreams && fits))
    let stream = RPCByteStream(messages, isClient: true)
    if !kind.clientStreams, !fits {
      do {
        try await stream.write(call.request)
      } catch {
        // A server that has answered already has said why itself; else the request is too large.
        guard messages.isOver else {
          stream.cancel()
          throw error
        }
      }
      stream.finishWriting()
    }
    return stream
  }

  /// The deadline, the request id and the priority of the call that is being answered go on with this one.
  private static func inherit(
    _ call: RPCCall, _ now: NIODeadline
  ) throws(RPCError) -> (RPCMetadata, NIODeadline?) {
    let context = RPCContext.current
    var metadata = call.options.metadata
    if let inherited = context?.requestID, metadata[RPCContext.requestIDKey] == nil {
      try metadata.append(RPCContext.requestIDKey, inherited)
    }
    if let priority = context?.priority, priority != .default, call.options.priority == nil {
      try metadata.append(RPCPriority.key, priority.rawValue)
    }
    return (metadata, call.options.deadline(now: now, inherited: context?.deadline))
  }

  /// The methods that the server offers, in the order of their slots.
  ///
  /// - Throws: ``RPCError`` when the server cannot be reached.
  public func methods(options: CallOptions = CallOptions()) async throws -> [String] {
    let connection = try await self.connection(
      deadline: options.deadline(
        now: self.loop.now, inherited: RPCContext.current?.deadline),
      waitForReady: options.waitForReady)
    return try await self.loop.submit { connection.methods }.get()
  }

  /// Takes no more calls; those in flight are answered.
  public func shutdown() {
    let (connection, waiters) = self.state.withLock { $0.shutDown() }
    connection?.retire()
    for waiter in waiters {
      waiter.resume(throwing: ConnectionState.hasShutDown)
    }
  }

  // MARK: connecting

  private func connection(
    deadline: NIODeadline?, waitForReady: Bool
  ) async throws -> ClientConnection {
    if let ready = self.state.withLock({ $0.ready }) {
      return ready
    }
    let id = self.state.withLock { $0.nextWaiterID() }
    let timer = deadline.map { deadline in
      self.loop.scheduleTask(deadline: deadline) {
        self.giveUp(id, .deadlinePassed(notProcessed: true))
      }
    }
    defer { timer?.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let action = self.state.withLock {
          $0.wait(id, continuation, waitForReady: waitForReady, now: self.loop.now)
        }
        self.perform(action)
        // Either may have happened before there was a waiter to tell.
        if Task.isCancelled {
          self.giveUp(id, .cancelledByCaller(notProcessed: true))
        } else if let deadline, deadline <= self.loop.now {
          self.giveUp(id, .deadlinePassed(notProcessed: true))
        }
      }
    } onCancel: {
      self.giveUp(id, .cancelledByCaller(notProcessed: true))
    }
  }

  private func giveUp(_ id: Int, _ error: RPCError) {
    self.state.withLock { $0.removeWaiter(id) }?.resume(throwing: error)
  }

  private func perform(_ action: ConnectionState.Action) {
    switch action {
    case .none: break
    case .connect(let attempt): self.connect(attempt)
    case .connectLater(let delay):
      self.loop.scheduleTask(in: delay) { [weak self] in
        guard let self else { return }
        self.perform(self.state.withLock { $0.backoffEnded() })
      }
    case .resume(let waiters, let result):
      for waiter in waiters {
        waiter.resume(with: result)
      }
    case .resumeAndConnectLater(let waiters, let error, let delay):
      self.perform(.resume(waiters, .failure(error)))
      self.perform(.connectLater(delay))
    }
  }

  /// The connection knows its client weakly, so that it does not keep it alive.
  private func connect(_ attempt: Int) {
    let connection = ClientConnection(
      loop: self.loop, limits: self.limits,
      onReady: { [weak self] connection in
        guard let self else { return connection.retire() }
        self.perform(self.state.withLock { $0.connected(connection, attempt: attempt) })
      },
      onRetired: { [weak self] in self?.lost($0, $1, attempt) })
    if case .inProcess(let name, let network) = self.address {
      // On the loop: when a task of its own would run, chance says.
      self.loop.execute { [weak self] in
        do throws(RPCError) {
          try network.connect(name, connection)
        } catch {
          self?.lost(connection, error, attempt)
        }
      }
      return
    }
    Task { [weak self, address, security] in
      do throws(RPCError) {
        try await Connector.connect(connection, to: address, security: security)
      } catch {
        self?.lost(connection, error, attempt)
      }
    }
  }

  private func lost(_ connection: ClientConnection, _ error: RPCError, _ attempt: Int) {
    self.perform(
      self.state.withLock { $0.lost(connection, error, attempt: attempt, now: self.loop.now) })
  }
}
