import NIOCore
import NIOPosix
import SugangServices

/// Finds out before anything starts whether somebody else has one of the ports.
enum PortCheck {
  static func requireFree(_ settings: RunSettings) async throws {
    for service in ServiceName.allCases {
      for (port, use) in [
        (settings.restPort(service), "REST"), (settings.rpcPort(service), "RPC"),
      ] {
        guard (1...65535).contains(port) else {
          throw CommandFailure("\(service.rawValue) would need port \(port), which does not exist")
        }
        do {
          let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: settings.services.host, port: port).get()
          try await channel.close()
        } catch {
          throw CommandFailure(
            "\(service.rawValue) cannot have port \(port) (\(use)): \(Self.reason(error)); "
              + "end what uses it, or shift all ports by --port-offset")
        }
      }
    }
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    return error.errnoCode == 98 ? "it is in use" : "\(error)"
  }
}
