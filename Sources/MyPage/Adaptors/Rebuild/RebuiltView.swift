import Contracts
import EventLog
import Foundation
import Kernel
import Logging
import MyPageCore
import Storage
import Synchronization

/// A second view, made of the events from the first on, in a database of its own.
///
/// Nothing of it is needed after a crash: whatever an earlier one left behind is thrown away.
final class RebuiltView: Sendable {
  private static let differenceTable = Migration(
    name: "mypage-rebuild-001",
    sql: "CREATE TABLE difference (class_id INTEGER PRIMARY KEY) STRICT;")

  private let path: String
  private let database: SQLiteDatabase
  private let fetch: MyPageRebuild.Fetch
  private let followers: [Follower]

  /// What takes the events of one source.
  private struct Follower {
    let handler: RebuildHandler
    let intake: EventIntake
  }

  /// Blocks the thread.
  init(
    path: String, fetch: @escaping MyPageRebuild.Fetch, clock: any WallClock, logger: Logger
  ) throws {
    try Self.remove(path)
    let database = try SQLiteDatabase(
      path: path, migrations: SQLMyPageStore.migrations + [Self.differenceTable], logger: logger)
    self.path = path
    self.database = database
    self.fetch = fetch
    self.followers = MyPageEventAdaptor.sources.map { source in
      let handler = RebuildHandler(source: source)
      // An event that cannot be handled ends the rebuild: no use in trying it again.
      let intake = EventIntake(
        handler: handler, database: database, clock: clock, logger: logger, pause: { _ in })
      return Follower(handler: handler, intake: intake)
    }
  }

  func close() async throws {
    await self.database.close()
    try Self.remove(self.path)
  }

  /// The database and the files beside it: its log, its lock and the like.
  static func remove(_ path: String) throws {
    let file = URL(fileURLWithPath: path)
    let folder = file.deletingLastPathComponent().path
    let files = FileManager.default
    for name in try files.contentsOfDirectory(atPath: folder)
    where name.hasPrefix(file.lastPathComponent) {
      try files.removeItem(atPath: "\(folder)/\(name)")
    }
  }

  // MARK: Events

  /// What it is made of until now.
  func state() async throws -> InboxState {
    try await self.database.read { try InboxState(of: MyPageEventAdaptor.sources, in: $0) }
  }

  /// Takes events until this view is made of the very events that the live one is made of.
  ///
  /// - Parameters:
  ///   - live: not before this view's own state.
  ///   - taken: told of each step of a source; from several tasks.
  func take(
    upTo live: InboxState,
    taken: @escaping @Sendable (_ source: String, _ sequence: Int64) async throws -> Void
  ) async throws {
    for follower in self.followers {
      let handler = follower.handler
      try handler.withhold(live.withheld[handler.source] ?? [])
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for follower in self.followers {
        guard let end = live.positions[follower.handler.source] else { continue }
        group.addTask { try await self.take(follower, upTo: end, taken) }
      }
      try await group.waitForAll()
    }
    let parked = try await self.state().withheld
    if let source = parked.keys.min(), let sequence = parked[source]?.min() {
      throw MyPageRebuildError.cannotHandle(source: source, sequence: sequence)
    }
  }

  private func take(
    _ follower: Follower, upTo end: InboxPosition,
    _ taken: @Sendable (_ source: String, _ sequence: Int64) async throws -> Void
  ) async throws {
    let intake = follower.intake
    while true {
      let position = try await intake.position()
      guard position.sequence < end.sequence, let logID = end.logID else { return }
      let answer = try await self.fetch(
        end.source,
        EventsV1.FetchRequest(
          after: position.sequence, max: Int32(EventFeed.maxEvents),
          types: follower.handler.types))
      guard answer.logID == logID else {
        throw InboxError.otherLog(source: end.source, expected: logID, found: answer.logID)
      }
      guard answer.lastSequence >= end.sequence else {
        throw InboxError.rolledBack(
          source: end.source, taken: end.sequence, last: answer.lastSequence)
      }
      try await intake.take(answer.cut(at: end.sequence), from: position)
      let reached = try await intake.cursor()
      guard reached > position.sequence else { throw InboxError.disorder(source: end.source) }
      try await taken(end.source, reached)
    }
  }

  // MARK: Rows

  func page(from classID: Int64, atMost count: Int) async throws -> [ViewRow] {
    try await self.database.read { try ViewRow.page(from: classID, atMost: count, in: $0) }
  }

  /// The rows of some classes, in the order of ``InquiryMypage/columns``.
  func values(of classes: [Int64]) async throws -> [[SQLValue]] {
    try await self.database.read { connection in
      try classes.compactMap { id in
        try connection.row(
          "SELECT \(InquiryMypage.columns) FROM inquiry_mypage WHERE class_id = ?", [.integer(id)]
        ).map { row in (0..<row.columnCount).map { row[$0] } }
      }
    }
  }

  // MARK: Differences

  func note(_ differences: [ViewDifference]) async throws {
    guard !differences.isEmpty else { return }
    try await self.database.write { connection in
      for one in differences {
        try connection.execute(
          "INSERT INTO difference (class_id) VALUES (?)", [.integer(one.classID)])
      }
    }
  }

  /// The classes whose rows differ, in order.
  func differences(from classID: Int64, atMost count: Int) async throws -> [Int64] {
    try await self.database.read { connection in
      try connection.rows(
        "SELECT class_id FROM difference WHERE class_id >= ? ORDER BY class_id LIMIT ?",
        [.integer(classID), .integer(Int64(count))]
      ).map { $0.integer(0) }
    }
  }

  func forgetDifferences() async throws {
    try await self.database.write { try $0.execute("DELETE FROM difference") }
  }
}

/// The live view's own policy, but for events that had no effect there.
private final class RebuildHandler: EventHandler {
  private let policy: MyPageEventAdaptor
  private let withheld = Mutex<Set<Int64>>([])

  init(source: String) {
    self.policy = MyPageEventAdaptor(source: source)
  }

  var source: String { self.policy.source }
  var types: [String] { self.policy.types }

  /// - Throws: ``MyPageRebuildError/settledMeanwhile``: one that was passed over has had its effect
  ///   on the live view by now.
  func withhold(_ sequences: Set<Int64>) throws(MyPageRebuildError) {
    let isKept = self.withheld.withLock { withheld in
      guard withheld.isSubset(of: sequences) else { return false }
      withheld = sequences
      return true
    }
    guard isKept else { throw .settledMeanwhile }
  }

  func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    guard !self.withheld.withLock({ $0.contains(event.sequence) }) else { return }
    try self.policy.handle(event, in: connection)
  }
}

extension EventsV1.FetchResponse {
  /// The same answer without what comes after `sequence`.
  fileprivate func cut(at sequence: Int64) -> EventsV1.FetchResponse {
    var answer = self
    answer.events.removeAll { $0.sequence > sequence }
    answer.through = min(max(self.through, self.events.last?.sequence ?? 0), sequence)
    return answer
  }
}
