public import FramedRPC
public import NIOCore
import NIOEmbedded

/// A network in virtual time that does what its plan says: real clients and servers talk over it, no
/// time passes, and the same seed makes the same run, byte for byte.
///
///     let network = FaultyNetwork(seed: 7, plan: .random(seed: 7))
///     try network.serve([PayV1.PayService.register(handler, on: .eventLoop)], as: "pay")
///     let client = PayV1.PayServiceClient(network.client(of: "pay"))
///     let call = network.start { try await client.approve(request) }
///     #expect(network.run(within: .seconds(60)) { call.isDone })
///
/// Everything happens on the thread that made it, while ``advance(by:)`` or ``run(within:until:)``
/// runs: use it in a test function that is not `async`. A run is the same again only when nothing
/// leaves that thread: services run on the event loop (`on: .eventLoop`), calls are made by
/// ``start(_:)``, and whoever waits does so by ``sleep(for:)`` and not by a clock of the machine.
///
/// `@unchecked Sendable`: of one thread, which its event loop asserts.
public final class FaultyNetwork: @unchecked Sendable {
  public let seed: UInt64
  /// The loop of every client and server.
  public var group: any EventLoopGroup { self.loop }
  /// What happened, a line each: the time in seconds, the connection, and the event. Bytes are given
  /// by their offsets and their FNV-1a hash.
  public private(set) var trace: [String] = []

  let loop = EmbeddedEventLoop()
  private let executor: EventLoopTaskExecutor
  private let beginning = NIODeadline.uptimeNanoseconds(0)
  private let plan: FaultPlan
  private var plans: [String: FaultPlan] = [:]
  private var partitions: Set<String> = []
  private var generator: SeededGenerator
  private var links: [FaultyLink] = []
  private var linksMade = 0
  private var clients: [RPCClient] = []
  /// Those that ``serve(_:as:limits:)`` started, in this order.
  public private(set) var servers: [RPCServer] = []
  private var isFinished = false
  private var inProcess: InProcessNetwork?

  /// How long a client tries to connect to what does not answer, as over TCP.
  static let connectTimeout: TimeAmount = .seconds(3)

  /// - Parameter plan: of every connection, unless ``setPlan(_:for:)`` says another.
  public init(seed: UInt64, plan: FaultPlan = .none) {
    self.seed = seed
    self.plan = plan
    self.generator = SeededGenerator(seed: seed)
    self.executor = EventLoopTaskExecutor(loop: self.loop)
    self.inProcess = InProcessNetwork(
      simulation: InProcessNetwork.Simulation(
        join: { [weak self] in self?.join($0, $1, $2) },
        random: { [weak self] in self?.generator.unit() ?? 0 }))
  }

  // MARK: ends

  /// The address of a server in this network.
  public func address(of name: String) -> RPCAddress {
    guard let inProcess = self.inProcess else { preconditionFailure("made by init") }
    return .inProcess(name, in: inProcess)
  }

  /// Starts a server.
  ///
  /// - Throws: what ``RPCServer`` throws; ``RPCError`` when the name is taken.
  @discardableResult
  public func serve(
    _ services: [RPCService], as name: String, limits: RPCLimits = .standard
  ) throws -> RPCServer {
    let server = try RPCServer(services: services, group: self.loop, limits: limits)
    let address = self.address(of: name)
    let listening = self.start { try await server.listen(on: address) }
    self.loop.run()
    _ = try listening.value()
    self.servers.append(server)
    return server
  }

  public func client(of name: String, limits: RPCLimits = .standard) -> RPCClient {
    let client = RPCClient(address: self.address(of: name), group: self.loop, limits: limits)
    self.clients.append(client)
    return client
  }

  // MARK: faults

  /// The plan of connections to `name` that are made from now on.
  public func setPlan(_ plan: FaultPlan, for name: String) {
    self.plans[name] = plan
  }

  /// Nothing reaches `name`, nor anybody from there, until ``heal(_:)``: what is under way waits, and
  /// who connects gives up after three seconds.
  public func partition(_ name: String) {
    self.partitions.insert(name)
    self.note(name, "partition")
  }

  /// Lets through again; what waited arrives in order.
  public func heal(_ name: String) {
    guard self.partitions.remove(name) != nil else { return }
    self.note(name, "heal")
    for link in self.links where link.server == name {
      link.heal()
    }
  }

  /// Resets all connections to `name`.
  public func reset(_ name: String) {
    for link in self.links where link.server == name {
      link.reset("on demand")
    }
  }

  // MARK: time

  /// Since the beginning.
  public var now: Duration { .nanoseconds((self.loop.now - self.beginning).nanoseconds) }

  /// Lets so much time pass.
  public func advance(by time: Duration) {
    self.loop.advanceTime(by: TimeAmount(time))
  }

  /// Lets time pass until `condition` holds, which is asked each millisecond, or until `limit` is
  /// over.
  ///
  /// - Returns: whether it holds.
  public func run(within limit: Duration, until condition: () -> Bool) -> Bool {
    let end = self.loop.now + TimeAmount(limit)
    self.loop.run()
    while !condition() {
      guard self.loop.now < end else { return false }
      self.loop.advanceTime(to: min(self.loop.now + .milliseconds(1), end))
    }
    return true
  }

  /// Waits in virtual time: for handlers and callers.
  ///
  /// - Throws: `CancellationError`, at once when the task is cancelled.
  public func sleep(for time: Duration) async throws {
    let sleeper = Sleeper()
    let timer = self.loop.scheduleTask(in: TimeAmount(time)) { sleeper.end(.success(())) }
    defer { timer.cancel() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { sleeper.begin($0) }
    } onCancel: {
      sleeper.end(.failure(CancellationError()))
    }
  }

  /// Runs a task on this network's loop, at once up to where it first waits.
  public func start<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) -> Pending<Value> {
    let pending = Pending<Value>()
    pending.task = Task.immediate(executorPreference: self.executor) {
      let result: Result<Value, any Error>
      do {
        result = .success(try await body())
      } catch {
        result = .failure(error)
      }
      pending.finish(result, at: self.now)
    }
    return pending
  }

  /// Ends everything: shuts clients and servers down, resets what is left, and lets a minute pass for
  /// tasks to end. Nothing connects afterwards. Without it what runs here is never freed.
  public func finish() {
    self.isFinished = true
    for client in self.clients { client.shutdown() }
    let shutdowns = self.servers.map { server in
      self.start { await server.shutdown(grace: .zero) }
    }
    self.loop.run()
    for link in self.links { link.reset("the end") }
    _ = self.run(within: .seconds(60)) { shutdowns.allSatisfy(\.isDone) && self.links.isEmpty }
    self.clients = []
    self.servers = []
    self.inProcess = nil
    try? self.loop.syncShutdownGracefully()
  }

  // MARK: links

  private func join(
    _ name: String, _ client: FramedConnection,
    _ accept: @escaping @Sendable () -> FramedConnection?
  ) {
    self.linksMade += 1
    let plan = self.plans[name] ?? self.plan
    let link = FaultyLink(
      self, server: name, number: self.linksMade, plan: plan, seed: self.generator.next())
    guard !self.isFinished, !self.isPartitioned(name) else {
      self.note(link.name, "cannot connect")
      self.loop.scheduleTask(in: Self.connectTimeout) {
        client.wireClosed("cannot connect to \(name): no answer")
      }
      return
    }
    self.links.append(link)
    link.connect(client, accept)
  }

  func isPartitioned(_ name: String) -> Bool { self.partitions.contains(name) }

  func forget(_ link: FaultyLink) {
    self.links.removeAll { $0 === link }
  }

  /// The time with its nine decimals, so that two runs compare as text.
  func note(_ subject: String, _ event: String) {
    let nanoseconds = self.loop.now.uptimeNanoseconds
    let decimals = String(nanoseconds % 1_000_000_000)
    let zeros = String(repeating: "0", count: 9 - decimals.count)
    self.trace.append("\(nanoseconds / 1_000_000_000).\(zeros)\(decimals) \(subject) \(event)")
  }
}

/// A task of a ``FaultyNetwork``, and its outcome once there is one.
///
/// `@unchecked Sendable`: of the network's thread.
public final class Pending<Value: Sendable>: @unchecked Sendable {
  public private(set) var result: Result<Value, any Error>?
  /// When it ended, since the network's beginning.
  public private(set) var ended: Duration?
  fileprivate var task: Task<Void, Never>?

  public var isDone: Bool { self.result != nil }

  public func cancel() {
    self.task?.cancel()
  }

  /// - Throws: what the task threw; `CancellationError` while it still runs.
  public func value() throws -> Value {
    guard let result = self.result else { throw CancellationError() }
    return try result.get()
  }

  fileprivate func finish(_ result: Result<Value, any Error>, at time: Duration) {
    self.result = result
    self.ended = time
  }
}

/// Who waits, and what for came first.
///
/// `@unchecked Sendable`: of the network's thread.
private final class Sleeper: @unchecked Sendable {
  private var continuation: CheckedContinuation<Void, any Error>?
  private var result: Result<Void, any Error>?

  func begin(_ continuation: CheckedContinuation<Void, any Error>) {
    if let result = self.result {
      continuation.resume(with: result)
    } else {
      self.continuation = continuation
    }
  }

  func end(_ result: Result<Void, any Error>) {
    guard self.result == nil else { return }
    self.result = result
    self.continuation?.resume(with: result)
    self.continuation = nil
  }
}
