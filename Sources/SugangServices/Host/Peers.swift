import FramedRPC
import NIOPosix
import Synchronization

/// Finds the other services: one multiplexed connection to each, made when it is first used.
package final class Peers: Sendable {
  private let settings: ServiceSettings
  private let network: InProcessNetwork?
  private let interceptors: [any ClientInterceptor]
  private let clients = Mutex<[ServiceName: RPCClient]>([:])

  /// - Parameter network: where all services of one process meet, nil when each has its own.
  package init(settings: ServiceSettings, network: InProcessNetwork?) {
    self.settings = settings
    self.network = network
    self.interceptors =
      [ClientDeadline(standard: Self.standardTime)]
      + (settings.rpcToken.map { [BearerToken($0)] } ?? [])
  }

  /// For calls that say nothing of how long they may take.
  private static let standardTime = Duration.seconds(30)

  func address(of name: ServiceName) -> RPCAddress {
    if let network = self.network {
      return .inProcess(name.rawValue, in: network)
    }
    return .tcp(host: self.settings.host, port: name.rpcPort + self.settings.portOffset)
  }

  func channel(to name: ServiceName) -> any RPCChannel {
    self.client(of: name).intercepted(by: self.interceptors)
  }

  private func client(of name: ServiceName) -> RPCClient {
    self.clients.withLock { clients in
      if let client = clients[name] { return client }
      let client = RPCClient(
        address: self.address(of: name), group: MultiThreadedEventLoopGroup.singleton,
        limits: ServiceSettings.rpcLimits)
      clients[name] = client
      return client
    }
  }

  func shutdown() {
    for client in self.clients.withLock({ $0.values.map(\.self) }) {
      client.shutdown()
    }
  }
}
