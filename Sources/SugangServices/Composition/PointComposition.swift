import AdaptorSupport
import Contracts
import FramedRPC
import PointAdaptors
import PointCore
import Storage

/// Joins Point's core to its adaptors, and to Gift behind a breaker and a bulkhead.
enum PointComposition {
  /// Most pending points in one round.
  static let settledAtOnce = 256

  static func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
    var (parts, context) = try environment.partsWithStorage(
      migrations: SQLPointStore.migrations)
    let store = SQLPointStore(context)
    let application = PointApplication(store: store)
    parts.rpcServices.append(
      PointV1.PointService.register(PointRPCAdaptor(port: application), on: .eventLoop))
    parts.restAdaptors.append(PointRESTAdaptor(port: application, links: environment.links))
    for source in PointEventAdaptor.sources {
      parts.background.append(
        try environment.consumer(
          PointEventAdaptor(context, source: source), context, lettingCallsGoFirst: true))
    }
    let settings = environment.settings
    let gift = environment.guarded(.gift, in: &parts)
    let settlePending = SettlePending(
      store: store, gateway: RPCGiftGateway(gift, timeout: settings.callTimeout))
    let loop = RecoveryLoop(
      "settle pending", every: .milliseconds(250), logger: environment.logger
    ) { try await settlePending.perform(atMost: Self.settledAtOnce) }
    // A payment's event makes a pending point; no need to wait for the next round.
    context.database.afterCommit { loop.wake() }
    parts.background.append(loop)
    return parts
  }
}
