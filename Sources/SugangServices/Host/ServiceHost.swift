import AdaptorSupport
import Contracts
import EventLog
import FramedRPC
import Logging
import NIOPosix
import RESTSupport
import ServiceLifecycle
import Storage

/// Turns the parts of a service into what ServiceLifecycle runs: storage first, doors last, so that
/// the doors close first and the storage last.
enum ServiceHost {
  /// Told where a service can be reached once it can.
  typealias OnListening = @Sendable (ServiceName, Door) -> Void

  /// Where a service can be reached.
  enum Door: Sendable {
    case rest(port: Int)
    case rpc(RPCAddress)
  }

  static func services(
    for parts: ServiceParts, _ environment: ServiceEnvironment, network: InProcessNetwork?,
    tls: ServiceTLS?, anyPort: Bool, onListening: @escaping OnListening
  ) throws -> [any Service] {
    let name = environment.name
    let settings = environment.settings
    let logger = environment.logger
    let readiness = Readiness(missing: ["rest", "rpc"])
    if let reasons = parts.reasonsNotReady {
      readiness.check(reasons)
    }
    let consumers = parts.background.compactMap { $0 as? EventConsumer }
    for consumer in consumers {
      readiness.check { consumer.reasonsNotReady }
    }
    for contact in parts.background.compactMap({ $0 as? FirstContact }) {
      readiness.check { contact.reasonsNotReady }
    }
    let load = environment.load
    var ownServices: [RPCService] = []
    if let feed = parts.feed {
      // A long poll waits, and takes nobody's place.
      ownServices.append(EventsV1.EventFeedService.register(feed, on: .eventLoop).exempt())
    }
    if let storage = parts.storage, !consumers.isEmpty {
      let inbox = EventInbox(
        consumers.map(\.intake), database: storage.database, clock: environment.clock,
        logger: logger)
      ownServices.append(EventsV1.EventInboxService.register(inbox, on: .eventLoop))
    }
    if let database = parts.storage?.database as? SQLiteDatabase {
      let desk = BackupDesk(name: name, database: database, logger: logger)
      // Also of a service that has too much to do.
      ownServices.append(AdminV1.BackupService.register(desk, on: .eventLoop).exempt())
    }
    let interceptors = environment.telemetry.server(token: settings.rpcToken, logger: logger)
    // What others ask of the service counts, not that they wait for events. One chain around each
    // method: each costs every call.
    let counted = interceptors + [LoadCounter(load)]
    let rpcServices =
      parts.rpcServices.map { $0.intercepted(by: counted) }
      + ownServices.map { $0.intercepted(by: interceptors) }
    let server = try RPCServer(
      services: rpcServices, group: MultiThreadedEventLoopGroup.singleton,
      limits: ServiceSettings.rpcLimits, admission: settings.admission,
      security: tls?.server(name, logger: logger),
      introspection: ServerIntrospection(
        health: { _ in await readiness.reasonsNotReady() },
        statistics: environment.peers.channels, guards: environment.guards,
        load: load, interceptors: interceptors),
      onUnhandledError: { error, context in
        logger.error(
          "rpc handler failed",
          metadata: [
            "rpc.method": "\(context.method)", "request.id": "\(context.requestID ?? "")",
            "error": "\(String(reflecting: error))",
          ])
      })
    let tcp = RPCAddress.tcp(
      host: settings.host, port: anyPort ? 0 : name.rpcPort + settings.portOffset)
    let endpoint = RPCEndpoint(
      server: server,
      // In-process first: who is told of the port may count on both.
      addresses: (network.map { [.inProcess(name.rawValue, in: $0)] } ?? []) + [tcp],
      readiness: readiness, logger: logger,
      onListening: { onListening(name, .rpc($0)) }, beforeDrain: { parts.feed?.stop() })
    let routes = Routes(parts.restAdaptors)
    routes.addHealth { await readiness.reasonsNotReady() }
    let guards = environment.guards
    routes.addMetrics { environment.telemetry.prometheusText(guards) }
    // The gateway's port is everybody's.
    if name != .gateway { routes.addGuards(guards) }
    let rest = RESTServer(
      configuration: RESTServerConfiguration(
        host: settings.host, port: anyPort ? 0 : name.restPort + settings.portOffset),
      routes: routes, admission: Self.admission(environment, routes),
      metrics: environment.telemetry.http, tokens: environment.authentication.verifier,
      logger: logger,
      onListening: { port in
        readiness.has("rest")
        logger.info("rest listening", metadata: ["port": "\(port)"])
        onListening(name, .rest(port: port))
      })
    let storage = parts.storage.map { [StorageEndpoint(database: $0.database)] } ?? []
    let notice = DrainNotice(readiness: readiness, delay: settings.drainDelay)
    let watch = tls?.watch(name, logger: logger).map { [$0] } ?? []
    return storage as [any Service] + watch + parts.background + [endpoint, rest, notice]
  }

  /// What the REST port takes in; callers are told apart only where they come themselves.
  private static func admission(
    _ environment: ServiceEnvironment, _ routes: Routes
  ) -> RESTAdmission {
    let rate =
      environment.name == .gateway ? RateLimiter(policy: environment.settings.rateLimit) : nil
    let admission = RESTAdmission(
      environment.settings.restAdmission, routes: routes.count, rate: rate)
    if let statistics = admission.statistics {
      environment.guards.registerAdmission(as: "rest", statistics)
    }
    if let rate { environment.guards.register(rate, as: "caller") }
    return admission
  }
}
