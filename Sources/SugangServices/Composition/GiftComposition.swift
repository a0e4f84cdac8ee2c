import Contracts
import FramedRPC
import GiftAdaptors
import GiftCore

/// Joins Gift's core to its adaptors.
enum GiftComposition {
  static func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
    var (parts, context) = try environment.partsWithStorage(
      migrations: SQLGiftStore.migrations)
    let application = GiftApplication(store: SQLGiftStore(context))
    parts.rpcServices.append(
      GiftV1.GiftService.register(GiftRPCAdaptor(port: application), on: .eventLoop))
    parts.restAdaptors.append(GiftRESTAdaptor(port: application, links: environment.links))
    for source in GiftEventAdaptor.sources {
      parts.background.append(
        try environment.consumer(
          GiftEventAdaptor(context, source: source), context, lettingCallsGoFirst: true))
    }
    return parts
  }
}
