import Foundation
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
          throw self.failure(
            error, "\(service.rawValue) cannot have port \(port) (\(use))", settings.services.host)
        }
      }
    }
  }

  /// What is wrong, and what helps: other ports only where a port is the trouble.
  private static func failure(
    _ error: any Error, _ what: String, _ host: String
  ) -> CommandFailure {
    guard let errno = (error as? IOError)?.errnoCode, [EADDRINUSE, EACCES].contains(errno) else {
      return CommandFailure(
        "the address '\(host)' cannot be bound: \(error); give one of this machine with --host, "
          + "such as 127.0.0.1")
    }
    let reason = errno == EADDRINUSE ? "it is in use" : "this user may not"
    return CommandFailure(
      "\(what): \(reason); end what uses it, or shift all ports by --port-offset")
  }
}
