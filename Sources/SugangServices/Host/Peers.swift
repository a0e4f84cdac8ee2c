import FramedRPC
import NIOPosix
import Synchronization

/// Finds the other services: one client of each, made when it is first used.
package final class Peers: Sendable {
  private let settings: ServiceSettings
  private let network: InProcessNetwork?
  private let security: @Sendable (ServiceName) -> (any ClientSecurity)?
  private let interceptors: [any ClientInterceptor]
  /// What every port may demand.
  private let token: [any ClientInterceptor]
  /// What is known of the channels to the services that were called, by name: for the operators.
  let channels = StatisticsSources()
  private let clients = Mutex<[ServiceName: BalancedClient]>([:])

  /// - Parameters:
  ///   - network: where all services of one process meet, nil when each has its own.
  ///   - security: of a connection to another process.
  package init(
    settings: ServiceSettings, network: InProcessNetwork?,
    security: @escaping @Sendable (ServiceName) -> (any ClientSecurity)? = { _ in nil }
  ) {
    self.settings = settings
    self.network = network
    self.security = security
    self.token = settings.rpcToken.map { [BearerToken($0)] } ?? []
    self.interceptors = [ClientDeadline(standard: Self.standardTime)] + self.token
  }

  /// For calls that say nothing of how long they may take.
  private static let standardTime = Duration.seconds(30)

  /// Where the settings say; else in this process; else at its usual port.
  func target(of name: ServiceName) -> RPCTarget {
    if let target = self.settings.peers[name] { return target }
    if let network = self.network {
      return .fixed([.inProcess(name.rawValue, in: network)])
    }
    return .fixed([
      .tcp(host: self.settings.host, port: name.rpcPort + self.settings.portOffset)
    ])
  }

  /// Whoever has one address, for good, is called there: nobody has to be told of its load.
  func policy(for target: RPCTarget) -> ClientPolicy {
    var policy = self.settings.callPolicy
    if case .weightedRoundRobin = policy.balancing, case .fixed(let addresses) = target,
      addresses.count == 1
    {
      policy.balancing = .leastLoaded
    }
    return policy
  }

  func channel(to name: ServiceName) -> any RPCChannel {
    self.client(of: name).intercepted(by: self.interceptors)
  }

  func client(of name: ServiceName) -> BalancedClient {
    self.clients.withLock { clients in
      if let client = clients[name] { return client }
      let target = self.target(of: name)
      let client = BalancedClient(
        target: target, group: MultiThreadedEventLoopGroup.singleton,
        limits: ServiceSettings.rpcLimits, policy: self.policy(for: target),
        security: self.security(name), reportInterceptors: self.token)
      clients[name] = client
      self.channels.register(client, as: name.rawValue)
      return client
    }
  }

  func shutdown() {
    for client in self.clients.withLock({ $0.values.map(\.self) }) {
      client.shutdown()
    }
  }
}
