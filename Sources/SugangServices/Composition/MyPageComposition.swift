import Contracts
import FramedRPC
import MyPageAdaptors
import MyPageCore

/// Joins MyPage's view to its adaptors; it follows every source and asks none (K25).
enum MyPageComposition {
  static func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
    var (parts, context) = try environment.partsWithStorage(
      migrations: SQLMyPageStore.migrations)
    let application = MyPageApplication(store: SQLMyPageStore(context))
    parts.rpcServices.append(
      MypageV1.MyPageService.register(MyPageRPCAdaptor(port: application), on: .eventLoop))
    parts.restAdaptors.append(MyPageRESTAdaptor(port: application, links: environment.links))
    for source in MyPageEventAdaptor.sources {
      parts.background.append(
        try environment.consumer(MyPageEventAdaptor(source: source), context))
    }
    return parts
  }
}
