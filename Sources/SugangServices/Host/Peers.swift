import FramedRPC
import NIOPosix
import Synchronization

/// Finds the other services: one client of each, made when it is first used.
package final class Peers: Sendable {
  private let settings: ServiceSettings
  private let network: InProcessNetwork?
  private let security: @Sendable (ServiceName) -> (any ClientSecurity)?
  private let interceptors: [any ClientInterceptor]
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
    self.interceptors =
      [ClientDeadline(standard: Self.standardTime)]
      + (settings.rpcToken.map { [BearerToken($0)] } ?? [])
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

  func channel(to name: ServiceName) -> any RPCChannel {
    self.client(of: name).intercepted(by: self.interceptors)
  }

  func client(of name: ServiceName) -> BalancedClient {
    self.clients.withLock { clients in
      if let client = clients[name] { return client }
      let client = BalancedClient(
        target: self.target(of: name), group: MultiThreadedEventLoopGroup.singleton,
        limits: ServiceSettings.rpcLimits, policy: self.settings.callPolicy,
        security: self.security(name))
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
