import Contracts
import FramedRPC
import NIOPosix
import Synchronization

/// Finds the other services: one multiplexed connection to each, made when it is first used.
package final class Peers: Sendable {
  private let settings: ServiceSettings
  private let network: InProcessNetwork?
  private let security: @Sendable (ServiceName) -> (any ClientSecurity)?
  private let clients = Mutex<[ServiceName: RPCClient]>([:])

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
  }

  func address(of name: ServiceName) -> RPCAddress {
    if let network = self.network {
      return .inProcess(name.rawValue, in: network)
    }
    return .tcp(host: self.settings.host, port: name.rpcPort + self.settings.portOffset)
  }

  func channel(to name: ServiceName) -> RPCClient {
    self.clients.withLock { clients in
      if let client = clients[name] { return client }
      let client = RPCClient(
        address: self.address(of: name), group: MultiThreadedEventLoopGroup.singleton,
        limits: ServiceSettings.rpcLimits, security: self.security(name))
      clients[name] = client
      return client
    }
  }

  func feed(of name: ServiceName) -> EventsV1.EventFeedServiceClient {
    EventsV1.EventFeedServiceClient(self.channel(to: name))
  }

  func shutdown() {
    for client in self.clients.withLock({ $0.values.map(\.self) }) {
      client.shutdown()
    }
  }
}
