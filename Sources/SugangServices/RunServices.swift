import FramedRPC
import Logging
import RESTSupport
import ServiceLifecycle

/// Runs one service until the graceful shutdown of the task, then drains it: what a container runs.
///
/// - Throws: when it cannot start, or a part of it fails for good.
package func runService(
  _ name: ServiceName, settings: ServiceSettings, logger: Logger
) async throws {
  try CrashTrigger.arm(for: name, logger: logger)
  try await run([name], settings: settings, network: nil, logger: logger)
}

/// Runs all services in this process, joined in-process and reachable on their usual ports.
package func runAll(settings: ServiceSettings, logger: Logger) async throws {
  try await run(
    ServiceName.allCases, settings: settings, network: InProcessNetwork(), logger: logger)
}

private func run(
  _ names: [ServiceName], settings: ServiceSettings, network: InProcessNetwork?, logger: Logger
) async throws {
  var settings = settings
  if names.count > 1 {
    // One process stops its services one after another: each would wait again.
    settings.drainDelay = .zero
  }
  let tls = try ServiceTLS(names, settings)
  let authentication = try await Authentication(settings)
  // Once, of the door that is everybody's.
  if names.contains(.gateway) { Authentication.log(settings, to: logger) }
  // Several services in one process meet in-process, which needs no security.
  let peers = Peers(settings: settings, network: network) { peer in
    names.first.flatMap { tls?.client(of: $0, to: peer) }
  }
  defer { peers.shutdown() }
  let services = try composeServices(
    names, settings: settings, peers: peers, network: network, tls: tls,
    authentication: authentication, links: Links(publicBaseURL: settings.links), anyPort: false,
    logger: logger
  ) { _, _ in }
  // No signals: who runs this listens to them. If both did, the services could be over before the
  // caller has begun to shut them down, which it would take for a failure.
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: services.map { .init(service: $0) }, logger: logger))
  try await group.run()
}

/// Every part of some services, in the order in which ServiceLifecycle starts them.
func composeServices(
  _ names: [ServiceName], settings: ServiceSettings, peers: Peers, network: InProcessNetwork?,
  tls: ServiceTLS?, authentication: Authentication, links: Links, anyPort: Bool, logger: Logger,
  onListening: @escaping ServiceHost.OnListening
) throws -> [any Service] {
  let services = try names.flatMap { name -> [any Service] in
    var logger = logger
    logger[metadataKey: "service"] = "\(name.rawValue)"
    let environment = ServiceEnvironment(
      name: name, settings: settings, peers: peers, logger: logger, links: links,
      telemetry: ServiceTelemetry(service: name), authentication: authentication,
      load: LoadReporter(measure: ProcessLoad().report))
    return try ServiceHost.services(
      for: compose(environment), environment, network: network, tls: tls, anyPort: anyPort,
      onListening: onListening)
  }
  guard let watch = authentication.watch(logger: logger) else { return services }
  return [watch] + services
}

func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
  switch environment.name {
  case .course: try CourseComposition.compose(environment)
  case .class: try EnrollmentComposition.compose(environment)
  case .pay: try PayComposition.compose(environment)
  case .point: try PointComposition.compose(environment)
  case .gift: try GiftComposition.compose(environment)
  case .alert: try AlertComposition.compose(environment)
  case .mypage: try MyPageComposition.compose(environment)
  case .gateway: GatewayComposition.compose(environment)
  }
}
