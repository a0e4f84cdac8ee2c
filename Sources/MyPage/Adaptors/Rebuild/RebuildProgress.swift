import EventLog
import Synchronization

extension MyPageRebuild {
  /// What is being done.
  package enum Phase: String, Hashable, Sendable {
    case taking = "TAKING"
    case comparing = "COMPARING"
    case repairing = "REPAIRING"
  }

  /// How far a rebuild is.
  package struct Progress: Hashable, Sendable {
    package var phase = Phase.taking
    package var sources: [Source] = []
    package var comparedRows = 0
    package var differentRows = 0

    /// How much of one source's log the new view is made of.
    package struct Source: Hashable, Sendable {
      package let name: String
      package var taken: Int64
      /// How much the live view is made of.
      package var total: Int64
    }
  }

  /// What came out.
  package struct Outcome: Hashable, Sendable {
    package private(set) var comparedRows = 0
    package private(set) var differentRows = 0
    /// The first differences, at most ``MyPageRebuild/maxNamed``.
    package private(set) var first: [ViewDifference] = []
    package var isRepaired = false

    mutating func add(_ differences: [ViewDifference], among rows: Int) {
      self.comparedRows += rows
      self.differentRows += differences.count
      self.first += differences.prefix(MyPageRebuild.maxNamed - self.first.count)
    }
  }
}

/// Gathers how far a rebuild is, and tells it.
final class RebuildReporter: Sendable {
  private let report: MyPageRebuild.Report
  private let current = Mutex(
    MyPageRebuild.Progress(
      sources: MyPageEventAdaptor.sources.map { .init(name: $0, taken: 0, total: 0) }))

  init(_ report: @escaping MyPageRebuild.Report) {
    self.report = report
  }

  func enter(_ phase: MyPageRebuild.Phase) async throws {
    try await self.tell { $0.phase = phase }
  }

  /// So much is to be taken.
  func expect(_ live: InboxState) {
    self.current.withLock { progress in
      for index in progress.sources.indices {
        progress.sources[index].total = live.sequence(of: progress.sources[index].name)
      }
    }
  }

  func taken(_ source: String, _ sequence: Int64) async throws {
    try await self.tell { progress in
      for index in progress.sources.indices where progress.sources[index].name == source {
        progress.sources[index].taken = sequence
      }
    }
  }

  func compared(_ outcome: MyPageRebuild.Outcome) async throws {
    try await self.tell { progress in
      progress.comparedRows = outcome.comparedRows
      progress.differentRows = max(progress.differentRows, outcome.differentRows)
    }
  }

  private func tell(_ change: (inout MyPageRebuild.Progress) -> Void) async throws {
    let progress = self.current.withLock { progress in
      change(&progress)
      return progress
    }
    try await self.report(progress)
  }
}
