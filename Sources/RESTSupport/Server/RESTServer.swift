import Hummingbird
import HummingbirdCore
import Kernel
import Logging
import ServiceLifecycle

/// An HTTP/1.1 server for the routes of one process.
///
/// A graceful shutdown stops accepting, finishes the requests in flight and closes connections
/// as they fall idle (trap T47).
package struct RESTServer: Service {
  private let configuration: RESTServerConfiguration
  private let routes: RouteTable
  private let admission: (any RequestAdmission)?
  private let metrics: HTTPServerMetrics?
  private let authentication: RESTAuthentication?
  private let logger: Logger
  private let onListening: @Sendable (Int) async -> Void

  /// - Parameters:
  ///   - admission: which requests run; nil: all.
  ///   - metrics: counts and times the requests; nil: nothing does.
  ///   - tokens: tells who sends a request; nil: nobody asks, and everybody may do everything.
  ///   - onListening: called once with the port that was bound.
  package init(
    configuration: RESTServerConfiguration, routes: Routes,
    admission: (any RequestAdmission)? = nil, metrics: HTTPServerMetrics? = nil,
    tokens: (any TokenVerifier)? = nil, logger: Logger,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.routes = routes.finished
    self.admission = admission
    self.metrics = metrics
    self.authentication = tokens.map { RESTAuthentication(verifier: $0) }
    self.logger = logger
    self.onListening = onListening
  }

  package func run() async throws {
    let configuration = self.configuration
    let onListening = self.onListening
    let door = self.admission.map {
      FrontDoor(
        routes: self.routes, admission: $0, metrics: self.metrics, limits: configuration)
    }
    let application = Application(
      responder: RESTResponder(
        routes: self.routes, admission: self.admission, metrics: self.metrics,
        authentication: self.authentication, maxBodyBytes: configuration.maxBodyBytes,
        layout: ResponseLayout(style: configuration.style)),
      server: HTTPServerBuilder { responder in
        RESTChannel(responder: responder, door: door, configuration: configuration)
      },
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port),
        backlog: configuration.maxWaitingConnections,
        availableConnectionsDelegate: MaximumAvailableConnections(
          configuration.maxConnections, logger: self.logger)),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
      logger: self.logger)
    try await application.run()
  }
}
