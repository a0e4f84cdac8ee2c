import AdaptorSupport
import FramedRPC
import Gateway

/// Joins the gateway to the services behind it.
enum GatewayComposition {
  static func compose(_ environment: ServiceEnvironment) -> ServiceParts {
    var parts = ServiceParts()
    // Every call is made for somebody who showed who they are; what forgets to say so gets nothing.
    let forSomebody: [any ClientInterceptor] =
      environment.authentication.isOn ? [ForSomebody()] : []
    // No call is slow here: a service that waits for another, or makes a long list, is not broken,
    // and what it waits for has a breaker there (R22). One that hangs runs into the timeout.
    func backend(_ name: ServiceName) -> any RPCChannel {
      environment.guarded(name, judgesSlowness: false, in: &parts)
        .intercepted(by: [CrashPointInterceptor()] + forSomebody)
    }
    let gateway = Gateway(
      backends: Gateway.Backends(
        course: backend(.course), enrollment: backend(.class), pay: backend(.pay),
        point: backend(.point), gift: backend(.gift), alert: backend(.alert),
        mypage: backend(.mypage), health: environment.peers.channel(to: .gateway)),
      links: environment.links)
    let backends = ServiceName.allCases.filter { $0 != .gateway }
    let health = BackendHealth(
      backends.map { ($0.rawValue, environment.peers.channel(to: $0)) })
    parts.restAdaptors = gateway.adaptors
    parts.reasonsNotReady = { await health.reasonsNotReady() }
    return parts
  }
}
