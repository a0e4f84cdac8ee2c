import Contracts
import EventLog
import FramedRPC
import MyPageCore
import Storage
import Synchronization

/// The operator's door to ``MyPageRebuild``.
package struct MyPageRebuildRPCAdaptor: MypageV1.MyPageRebuildServiceHandler {
  private let rebuild: MyPageRebuild

  package init(_ rebuild: MyPageRebuild) {
    self.rebuild = rebuild
  }

  package func rebuild(
    _ request: MypageV1.RebuildRequest, _ responses: RPCWriter<MypageV1.RebuildProgress>,
    _ context: RPCContext
  ) async throws {
    do {
      try await self.rebuild.runTelling(checkOnly: request.checkOnly) {
        try await responses.write($0)
      }
    } catch {
      throw Self.translated(error)
    }
  }

  private static func translated(_ error: any Error) -> any Error {
    switch error {
    case let error as MyPageRebuildError: RPCError(error)
    case let error as InboxError:
      RPCError(.failedPrecondition, error.description, reason: "event-log")
    case let error as StorageError:
      RPCError(.unavailable, "the store takes nothing now: \(error)", reason: "storage")
    default: error
    }
  }
}

extension MyPageRebuild {
  /// Shortest time from one message to the next within a phase.
  static let interval = Duration.milliseconds(500)

  /// - Parameter tell: is told how far it is, and of the result by the last message, whose phase is
  ///   `DONE`.
  /// - Throws: what ``run(checkOnly:report:)`` throws.
  package func runTelling(
    checkOnly: Bool,
    _ tell: @escaping @Sendable (MypageV1.RebuildProgress) async throws -> Void
  ) async throws {
    let told = Mutex<Progress>(Progress())
    let throttle = Throttle(Self.interval)
    let outcome = try await self.run(checkOnly: checkOnly) { progress in
      told.withLock { $0 = progress }
      guard throttle.lets(progress.phase) else { return }
      try await tell(MypageV1.RebuildProgress(progress))
    }
    try await tell(MypageV1.RebuildProgress(told.withLock { $0 }, outcome: outcome))
  }
}

extension RPCError {
  fileprivate init(_ error: MyPageRebuildError) {
    let (status, reason): (RPCStatus, String) =
      switch error {
      case .alreadyRunning: (.failedPrecondition, "already-running")
      case .cannotHandle: (.failedPrecondition, "poison-event")
      case .settledMeanwhile: (.aborted, "settled-meanwhile")
      case .liveStandsStill: (.unavailable, "stands-still")
      case .stillDifferent: (.internal, "still-different")
      }
    self.init(status, error.description, reason: reason)
  }
}

extension MypageV1.RebuildProgress {
  fileprivate init(_ progress: MyPageRebuild.Progress) {
    self.init(
      phase: progress.phase.rawValue,
      sources: progress.sources.map {
        MypageV1.RebuildSource(source: $0.name, taken: $0.taken, total: $0.total)
      }, comparedRows: Int64(progress.comparedRows),
      differentRows: Int64(progress.differentRows))
  }

  /// The last message.
  fileprivate init(_ progress: MyPageRebuild.Progress, outcome: MyPageRebuild.Outcome) {
    self.init(progress)
    self.phase = "DONE"
    self.comparedRows = Int64(outcome.comparedRows)
    self.differentRows = Int64(outcome.differentRows)
    self.differences = outcome.first.map(MypageV1.RowDifference.init)
    self.repaired = outcome.isRepaired
  }
}

extension MypageV1.RowDifference {
  fileprivate init(_ difference: ViewDifference) {
    switch difference.kind {
    case .missing: self.init(id: difference.classID, kind: "MISSING")
    case .extra: self.init(id: difference.classID, kind: "EXTRA")
    case .changed(let columns):
      self.init(id: difference.classID, kind: "CHANGED", columns: columns)
    }
  }
}

/// Lets one message through an interval, and the first of each phase.
private final class Throttle: Sendable {
  private let interval: Duration
  private let last = Mutex<(phase: MyPageRebuild.Phase, time: ContinuousClock.Instant)?>(nil)

  init(_ interval: Duration) {
    self.interval = interval
  }

  func lets(_ phase: MyPageRebuild.Phase) -> Bool {
    let now = ContinuousClock.now
    return self.last.withLock { last in
      if let last, last.phase == phase, now - last.time < self.interval { return false }
      last = (phase, now)
      return true
    }
  }
}
