import FramedRPC
import Logging
import ServiceLifecycle

/// Serves a service's methods until it is told to stop, then drains.
struct RPCEndpoint: Service {
  /// How long calls in flight may take on shutdown.
  static let drainTime = Duration.seconds(5)

  let server: RPCServer
  let addresses: [RPCAddress]
  let readiness: Readiness
  let logger: Logger
  let onListening: @Sendable (RPCAddress) -> Void
  /// Ends what would hold calls open: long polls.
  let beforeDrain: @Sendable () -> Void

  func run() async throws {
    for address in self.addresses {
      let bound = try await self.server.listen(on: address)
      self.logger.info("rpc listening", metadata: ["address": "\(bound)"])
      self.onListening(bound)
    }
    self.readiness.has("rpc")
    try? await gracefulShutdown()
    self.beforeDrain()
    await self.server.shutdown(grace: Self.drainTime)
  }
}
