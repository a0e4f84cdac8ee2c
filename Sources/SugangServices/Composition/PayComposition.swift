import Contracts
import FramedRPC
import Kernel
import PayAdaptors
import PayCore

/// Joins Pay's core to its adaptors.
enum PayComposition {
  static func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
    var (parts, context) = try environment.partsWithStorage(
      migrations: SQLPayStore.migrations)
    let store = SQLPayStore(context)
    let application = PayApplication(
      store: store,
      policy: PaymentPolicy(limit: try Money(won: environment.settings.payLimitWon)))
    parts.rpcServices.append(
      PayV1.PayService.register(PayRPCAdaptor(port: application), on: .eventLoop)
        // Money first, lists later.
        .prioritized(
          .critical,
          [PayV1.PayService.approve.fullName, PayV1.PayService.refund.fullName]))
    parts.rpcServices.append(
      PayV1.PaymentAuditService.register(
        PayAuditRPCAdaptor(port: AuditPayments(store: store)), on: .eventLoop))
    parts.restAdaptors.append(PayRESTAdaptor(port: application, links: environment.links))
    parts.background.append(
      try environment.consumer(PayEventAdaptor(context), context))
    return parts
  }
}
