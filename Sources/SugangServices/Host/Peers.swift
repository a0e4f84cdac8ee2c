import Contracts
import FramedRPC
import NIOPosix
import Synchronization

/// Finds the other services: one client of each, made when it is first used.
package final class Peers: Sendable {
  private let settings: ServiceSettings
  private let network: InProcessNetwork?
  private let clients = Mutex<[ServiceName: BalancedClient]>([:])

  /// - Parameter network: where all services of one process meet, nil when each has its own.
  package init(settings: ServiceSettings, network: InProcessNetwork?) {
    self.settings = settings
    self.network = network
  }

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

  func channel(to name: ServiceName) -> BalancedClient {
    self.clients.withLock { clients in
      if let client = clients[name] { return client }
      let client = BalancedClient(
        target: self.target(of: name), group: MultiThreadedEventLoopGroup.singleton,
        limits: ServiceSettings.rpcLimits, policy: self.settings.callPolicy)
      clients[name] = client
      return client
    }
  }

  func feed(of name: ServiceName) -> EventsV1.EventFeedServiceClient {
    EventsV1.EventFeedServiceClient(self.channel(to: name))
  }

  /// What is known of the services that were called, by name.
  package var statistics: [ServiceName: ClientStatistics] {
    self.clients.withLock { $0 }.mapValues { $0.statistics() }
  }

  func shutdown() {
    for client in self.clients.withLock({ $0.values.map(\.self) }) {
      client.shutdown()
    }
  }
}
