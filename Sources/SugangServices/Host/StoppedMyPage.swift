import Contracts
import EventLog
import FramedRPC
import Logging
import MyPageAdaptors
import Storage

/// My page of a system that does not run, built once more from the logs that lie beside it.
package struct StoppedMyPage {
  private let folder: String
  private let logger: Logger
  private let databases: [ServiceName: OfflineDatabase]

  /// - Parameters:
  ///   - folder: where my page lies.
  ///   - databases: of the services whose events my page is made of; and of my page itself, when it
  ///     is only checked. Whoever has them keeps services away.
  package init(
    _ folder: String, databases: [(service: ServiceName, database: OfflineDatabase)],
    logger: Logger
  ) {
    self.folder = folder
    self.logger = logger
    self.databases = Dictionary(databases.map { ($0.service, $0.database) }) { first, _ in first }
  }

  /// Does what `sugang.mypage.v1.MyPageRebuildService` does for a running system.
  ///
  /// - Parameter tell: is told how far it is, and of the result by the last message.
  /// - Throws: `MyPageRebuildError`, `InboxError`, `StorageError`, `UnknownEventSource` for a source
  ///   without a database, ``FramedRPC/RPCError`` for one whose log is damaged, and what `tell`
  ///   throws: my page is as it was.
  package func rebuild(
    checkOnly: Bool,
    telling tell: @escaping @Sendable (MypageV1.RebuildProgress) async throws -> Void
  ) async throws {
    let path = "\(self.folder)/\(ServiceName.mypage.rawValue).sqlite"
    if checkOnly, let database = self.databases[.mypage] {
      return try await self.rebuild(database.forReading, path, checkOnly: true, tell)
    }
    let database = try SQLiteDatabase(
      path: path, migrations: SQLMyPageStore.migrations, marked: Outbox.table,
      logger: self.logger)
    do {
      try await self.rebuild(database, path, checkOnly: checkOnly, tell)
    } catch {
      await database.close()
      throw error
    }
    await database.close()
  }

  private func rebuild(
    _ database: any TransactionalDatabase, _ path: String, checkOnly: Bool,
    _ tell: @escaping @Sendable (MypageV1.RebuildProgress) async throws -> Void
  ) async throws {
    var feeds: [String: EventFeed] = [:]
    for (service, database) in self.databases {
      let outbox = Outbox(source: service.rawValue, database: database.forReading)
      feeds[service.rawValue] = EventFeed(outbox: outbox)
    }
    let rebuild = MyPageRebuild(
      database: database, path: path, clock: SystemWallClock(), logger: self.logger,
      // Nobody takes events meanwhile.
      patience: .zero,
      fetch: { [feeds] source, request in
        guard let feed = feeds[source] else { throw UnknownEventSource(source: source) }
        return try await feed.fetch(request, RPCContext())
      })
    do {
      try await rebuild.runTelling(checkOnly: checkOnly, tell)
    } catch MyPageRebuildError.liveStandsStill {
      throw StoppedTooEarly()
    }
  }
}

/// My page was stopped in a state that only it can go on from.
private struct StoppedTooEarly: Error, CustomStringConvertible {
  var description: String {
    """
    my page was stopped while it took events again after a repair; nothing was changed
      start the system, let it catch up, and rebuild while it runs
    """
  }
}
