import FramedRPC
import Logging
import RESTSupport
import ServiceLifecycle
import Synchronization

/// All eight services in this process, on free ports: the harness for integration tests.
///
/// Data lies in `settings.dataFolder`; a system started on it again goes on where this one stopped.
public final class InProcessSystem: Sendable {
  /// Where each service answers HTTP.
  public let restPorts: [ServiceName: Int]
  /// Where each service answers FramedRPC over TCP.
  public let rpcAddresses: [ServiceName: RPCAddress]

  private let group: ServiceGroup
  private let running: Task<Void, any Error>
  private let peers: Peers

  private init(
    group: ServiceGroup, running: Task<Void, any Error>, peers: Peers, doors: Doors
  ) {
    self.group = group
    self.running = running
    self.peers = peers
    self.restPorts = doors.restPorts
    self.rpcAddresses = doors.rpcAddresses
  }

  /// Returns when every service listens.
  ///
  /// - Throws: what kept a service from starting.
  public static func start(
    settings: ServiceSettings, logger: Logger
  ) async throws -> InProcessSystem {
    let network = InProcessNetwork()
    let peers = Peers(settings: settings, network: network)
    let (doorOpened, opening) = AsyncStream<(ServiceName, ServiceHost.Door)>.makeStream()
    let publicAddress = PublicAddress(settings)
    let services = try composeServices(
      ServiceName.allCases, settings: settings, peers: peers, network: network,
      tls: try ServiceTLS(ServiceName.allCases, settings),
      authentication: try await Authentication(settings),
      links: Links { publicAddress.url }, anyPort: true, logger: logger,
      onListening: { name, door in
        publicAddress.opened(name, door)
        opening.yield((name, door))
      })
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services.map { .init(service: $0) }, logger: logger))
    let running = Task {
      defer { opening.finish() }
      try await group.run()
    }
    var doors = Doors()
    for await (name, door) in doorOpened {
      doors.opened(name, door)
      if doors.areAllOpen {
        return InProcessSystem(group: group, running: running, peers: peers, doors: doors)
      }
    }
    try await running.value
    throw CancellationError()
  }

  /// Drains and returns when everything is closed.
  public func stop() async throws {
    await self.group.triggerGracefulShutdown()
    defer { self.peers.shutdown() }
    try await self.running.value
  }
}

/// What links begin with: where the gateway listens, unless the settings say something else.
private final class PublicAddress: Sendable {
  private let current: Mutex<String>
  private let isGiven: Bool

  init(_ settings: ServiceSettings) {
    self.current = Mutex(settings.links)
    self.isGiven = settings.publicBaseURL != nil
  }

  var url: String { self.current.withLock { $0 } }

  func opened(_ name: ServiceName, _ door: ServiceHost.Door) {
    guard !self.isGiven, name == .gateway, case .rest(let port) = door else { return }
    self.current.withLock { $0 = ServiceSettings.localLinks(port: port) }
  }
}

/// Which doors have opened so far.
private struct Doors {
  var restPorts: [ServiceName: Int] = [:]
  var rpcAddresses: [ServiceName: RPCAddress] = [:]

  mutating func opened(_ name: ServiceName, _ door: ServiceHost.Door) {
    switch door {
    case .rest(let port): self.restPorts[name] = port
    case .rpc(let address):
      if case .tcp = address { self.rpcAddresses[name] = address }
    }
  }

  var areAllOpen: Bool {
    self.restPorts.count == ServiceName.allCases.count
      && self.rpcAddresses.count == ServiceName.allCases.count
  }
}
