import AdaptorSupport
import Contracts
import FramedRPC
import MyPageAdaptors
import MyPageCore
import Storage

/// Joins MyPage's view to its adaptors; it follows every source and asks none (K25).
enum MyPageComposition {
  /// How long a source may take to answer a rebuild: its feed does not wait for news.
  static let feedTimeout = Duration.seconds(15)

  static func compose(_ environment: ServiceEnvironment) throws -> ServiceParts {
    var (parts, context) = try environment.partsWithStorage(
      migrations: SQLMyPageStore.migrations)
    let application = MyPageApplication(store: SQLMyPageStore(context))
    parts.rpcServices.append(
      MypageV1.MyPageService.register(MyPageRPCAdaptor(port: application), on: .eventLoop))
    parts.restAdaptors.append(MyPageRESTAdaptor(port: application, links: environment.links))
    for source in MyPageEventAdaptor.sources {
      parts.background.append(
        try environment.consumer(
          MyPageEventAdaptor(source: source), context, lettingCallsGoFirst: true))
    }
    // The copy lies beside the view's file; a simulated one has none.
    if let database = context.database as? SQLiteDatabase {
      let rebuild = MyPageRebuild(
        database: database, path: database.path, clock: environment.clock,
        logger: environment.logger, fetch: try Self.feeds(environment))
      try rebuild.removeLeftovers()
      // It may take minutes and does one thing at a time: no place of a student's call.
      parts.rpcServices.append(
        MypageV1.MyPageRebuildService.register(MyPageRebuildRPCAdaptor(rebuild)).exempt())
    }
    return parts
  }

  /// The same feeds as the consumers read, from wherever a rebuild wants.
  private static func feeds(_ environment: ServiceEnvironment) throws -> MyPageRebuild.Fetch {
    var feeds: [String: EventsV1.EventFeedServiceClient] = [:]
    for source in MyPageEventAdaptor.sources {
      guard let name = ServiceName(rawValue: source) else {
        throw UnknownEventSource(source: source)
      }
      feeds[source] = EventsV1.EventFeedServiceClient(
        environment.peers.channel(to: name).intercepted(by: environment.telemetry.feed))
    }
    return { [feeds] source, request in
      guard let feed = feeds[source] else { throw UnknownEventSource(source: source) }
      do {
        return try await feed.fetch(
          request, options: CallOptions(timeout: Self.feedTimeout, waitForReady: true))
      } catch let error as RPCError {
        throw RPCError(
          error.status, "\(source) does not tell its events: \(error.message)",
          reason: error.reason)
      }
    }
  }
}
