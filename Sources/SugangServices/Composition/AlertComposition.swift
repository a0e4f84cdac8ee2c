import AdaptorSupport
import AlertAdaptors
import AlertCore
import Contracts
import FramedRPC
import Kernel
import Logging
import Storage

/// Joins Alert's core to its adaptors.
enum AlertComposition {
  /// Most alerts sent in one round.
  static let sentAtOnce = 256

  static func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
    var (parts, context) = try environment.partsWithStorage(
      migrations: SQLAlertStore.migrations)
    let store = SQLAlertStore(context)
    let application = AlertApplication(store: store)
    parts.rpcServices.append(
      AlertV1.AlertService.register(AlertRPCAdaptor(port: application), on: .eventLoop))
    parts.restAdaptors.append(AlertRESTAdaptor(port: application, links: environment.links))
    for source in AlertEventAdaptor.sources {
      parts.background.append(
        try environment.consumer(
          AlertEventAdaptor(source: source), context, lettingCallsGoFirst: true))
    }
    let logger = environment.logger
    let sendAlerts = SendAlerts(
      store: store,
      sender: ConsoleAlertSender(
        info: { line in logger.info("\(line())") }, debug: { line in logger.debug("\(line())") }))
    let clock = environment.clock
    let loop = RecoveryLoop(
      "send alerts", every: .seconds(1), logger: logger
    ) { try await sendAlerts.perform(at: clock.now(), atMost: Self.sentAtOnce) }
    context.database.afterCommit { loop.wake() }
    parts.background.append(loop)
    return parts
  }
}
