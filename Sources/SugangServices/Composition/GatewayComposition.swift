import Gateway

/// Joins the gateway to the services behind it.
enum GatewayComposition {
  static func compose(_ environment: ServiceEnvironment) -> ServiceParts {
    let peers = environment.peers
    let gateway = Gateway(
      backends: Gateway.Backends(
        course: peers.guarded(.course), enrollment: peers.guarded(.class),
        pay: peers.guarded(.pay), point: peers.guarded(.point), gift: peers.guarded(.gift),
        alert: peers.guarded(.alert), mypage: peers.guarded(.mypage)),
      links: environment.links)
    let backends = ServiceName.allCases.filter { $0 != .gateway }
    let health = BackendHealth(backends.map { ($0.rawValue, peers.channel(to: $0)) })
    var parts = ServiceParts()
    parts.restAdaptors = gateway.adaptors
    parts.reasonsNotReady = { await health.reasonsNotReady() }
    return parts
  }
}
