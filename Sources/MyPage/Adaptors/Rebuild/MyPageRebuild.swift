import Contracts
import EventLog
import Kernel
import Logging
import MyPageCore
import Storage
import Synchronization

/// Builds the view once more from events alone, and compares it with the live one, byte for byte.
///
/// The live view goes on meanwhile. Both are looked at page by page, each page when both are made of
/// the same events: the live rows and what they are made of are read in one transaction, and the new
/// view then takes exactly so much. What differs is put right in one transaction; the live view's
/// consumers then take once more what came since the replaced rows were read, which changes nothing
/// in the others. Memory is that of a page, whatever the number of rows and events.
package final class MyPageRebuild: Sendable {
  /// Asks the feed of a source.
  package typealias Fetch =
    @Sendable (_ source: String, EventsV1.FetchRequest) async throws -> EventsV1.FetchResponse
  /// Is told how far it is; from one task at a time.
  package typealias Report = @Sendable (Progress) async throws -> Void

  /// Most differences that an outcome names.
  package static let maxNamed = 20
  /// How long the live view may take to come to where the new one is: it is behind after a repair
  /// only, and then for the rest of a long poll at most.
  package static let patience = Duration.seconds(60)
  private static let lookInterval = Duration.milliseconds(50)

  private let database: any TransactionalDatabase
  /// Where the new view is made: beside the live one.
  let path: String
  private let fetch: Fetch
  private let clock: any WallClock
  private let logger: Logger
  private let rowsAtOnce: Int
  private let patience: Duration
  private let isRunning = Mutex(false)

  /// - Parameters:
  ///   - database: of the live view; one that takes no writes is enough where only checks are made.
  ///   - path: of that database.
  ///   - rowsAtOnce: how many rows a page has; fewer are for tests.
  ///   - patience: how long the live view may take to come to where the new one is; none where
  ///     nothing takes events.
  package init(
    database: any TransactionalDatabase, path: String, clock: any WallClock, logger: Logger,
    rowsAtOnce: Int = 1_000, patience: Duration = MyPageRebuild.patience, fetch: @escaping Fetch
  ) {
    let suffix = ".sqlite"
    self.database = database
    self.path =
      (path.hasSuffix(suffix) ? String(path.dropLast(suffix.count)) : path) + ".rebuild\(suffix)"
    self.fetch = fetch
    self.clock = clock
    self.logger = logger
    self.rowsAtOnce = rowsAtOnce
    self.patience = patience
  }

  /// Removes what a process that was killed left behind; while none runs.
  package func removeLeftovers() throws {
    try RebuiltView.remove(self.path)
  }

  /// - Parameter checkOnly: changes nothing, whatever differs.
  /// - Throws: ``MyPageRebuildError``, `InboxError`, `StorageError`, and what the feeds and `report`
  ///   throw: the live view is as it was, unless ``MyPageRebuildError/stillDifferent(_:)``.
  package func run(checkOnly: Bool, report: @escaping Report) async throws -> Outcome {
    let isFree = self.isRunning.withLock { isRunning in
      defer { isRunning = true }
      return !isRunning
    }
    guard isFree else { throw MyPageRebuildError.alreadyRunning }
    defer { self.isRunning.withLock { $0 = false } }
    let rebuilt = try RebuiltView(
      path: self.path, fetch: self.fetch, clock: self.clock, logger: self.logger)
    let progress = RebuildReporter(report)
    let outcome: Outcome
    do {
      outcome = try await self.run(rebuilt, checkOnly: checkOnly, progress)
    } catch {
      try? await rebuilt.close()
      throw error
    }
    try await rebuilt.close()
    return outcome
  }

  private func run(
    _ rebuilt: RebuiltView, checkOnly: Bool, _ progress: RebuildReporter
  ) async throws -> Outcome {
    // Most events are taken before the first page is looked at.
    _ = try await self.cut(with: rebuilt, progress) { _ in }
    try await progress.enter(.comparing)
    var outcome = try await self.compare(with: rebuilt, progress)
    self.log(outcome)
    guard outcome.differentRows > 0, !checkOnly else { return outcome }
    try await progress.enter(.repairing)
    try await self.repair(from: rebuilt, progress)
    try await rebuilt.forgetDifferences()
    let rest = try await self.compare(with: rebuilt, progress)
    guard rest.differentRows == 0 else {
      self.log(rest)
      throw MyPageRebuildError.stillDifferent(rest.differentRows)
    }
    outcome.isRepaired = true
    self.logger.warning("my page is repaired", metadata: ["rows": "\(outcome.differentRows)"])
    return outcome
  }

  /// Ids and columns only: nothing of what a row says (trap T28).
  private func log(_ outcome: Outcome) {
    self.logger.notice(
      "my page was rebuilt beside the live one",
      metadata: [
        "rows": "\(outcome.comparedRows)", "different": "\(outcome.differentRows)",
      ])
    for one in outcome.first {
      self.logger.warning(
        "row of my page differs from its events",
        metadata: ["class": "\(one.classID)", "how": "\(one.kind)"])
    }
  }

  // MARK: Comparing

  /// Reads the live view, and lets the new one take the very events that it is made of.
  ///
  /// - Returns: what `query` answered, and the events' state in the same transaction.
  private func cut<Answer: Sendable>(
    with rebuilt: RebuiltView, _ progress: RebuildReporter,
    _ query: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> (live: InboxState, answer: Answer) {
    let reached = try await rebuilt.state()
    let end = ContinuousClock.now + self.patience
    while true {
      let (live, isWhole, answer) = try await self.database.read { connection in
        let live = try InboxState(of: MyPageEventAdaptor.sources, in: connection)
        return (live, try MyPageRepair.isPast(live, in: connection), try query(connection))
      }
      let isReached = MyPageEventAdaptor.sources.allSatisfy {
        live.sequence(of: $0) >= reached.sequence(of: $0)
      }
      if isReached, isWhole, !live.hasEarlyEvents {
        progress.expect(live)
        try await rebuilt.take(upTo: live) { try await progress.taken($0, $1) }
        return (live, answer)
      }
      guard ContinuousClock.now < end else { throw MyPageRebuildError.liveStandsStill }
      try await Task.sleep(for: Self.lookInterval)
    }
  }

  private func compare(
    with rebuilt: RebuiltView, _ progress: RebuildReporter
  ) async throws -> Outcome {
    let size = self.rowsAtOnce
    var outcome = Outcome()
    var start = Int64.min
    while true {
      let from = start
      let live = try await self.cut(with: rebuilt, progress) {
        try ViewRow.page(from: from, atMost: size, in: $0)
      }.answer
      let new = try await rebuilt.page(from: from, atMost: size)
      // A full page says nothing of what comes after its last row.
      let end = [live, new].filter { $0.count == size }.compactMap { $0.last?.classID }.min()
      let (lives, news) = (
        live.prefix { $0.classID <= end ?? .max }, new.prefix { $0.classID <= end ?? .max }
      )
      let differences = ViewDifference.all(live: lives, rebuilt: news)
      try await rebuilt.note(differences)
      outcome.add(differences, among: Set((lives + news).map(\.classID)).count)
      try await progress.compared(outcome)
      guard let end, end < .max else { return outcome }
      start = end + 1
    }
  }

  // MARK: Repairing

  private func repair(from rebuilt: RebuiltView, _ progress: RebuildReporter) async throws {
    try await self.database.write { try MyPageRepair.clear(in: $0) }
    var first: InboxState?
    var start = Int64.min
    while true {
      let classes = try await rebuilt.differences(from: start, atMost: self.rowsAtOnce)
      guard let last = classes.last else { break }
      let live = try await self.cut(with: rebuilt, progress) { _ in }.live
      first = first ?? live
      let rows = try await rebuilt.values(of: classes)
      try await self.database.write { try MyPageRepair.stage(classes, rows, in: $0) }
      guard last < .max else { break }
      start = last + 1
    }
    guard let first else { return }
    let madeOf = first
    let isDone = try await self.database.write { try MyPageRepair.finish(madeOf: madeOf, in: $0) }
    guard isDone else { throw MyPageRebuildError.settledMeanwhile }
  }
}

/// Why a rebuild came to no end.
package enum MyPageRebuildError: Error, Hashable, Sendable {
  case alreadyRunning
  /// The live view handled an event that this program cannot handle.
  case cannotHandle(source: String, sequence: Int64)
  /// Events that had no effect on the live view when the rebuild came to them have had one since,
  /// or the other way round: the two are made of other events now.
  case settledMeanwhile
  /// The live view does not take events: it stays behind what it had taken before.
  case liveStandsStill
  /// So many rows differ although they were replaced.
  case stillDifferent(Int)
}

extension MyPageRebuildError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .alreadyRunning: "another rebuild of my page runs"
    case .cannotHandle(let source, let sequence):
      "event \(sequence) of \(source) cannot be handled; nothing was changed"
    case .settledMeanwhile:
      "events were parked, retried or given up meanwhile; nothing was changed: run it again"
    case .liveStandsStill: "my page does not take events"
    case .stillDifferent(let rows): "\(rows) rows differ although they were replaced"
    }
  }
}
