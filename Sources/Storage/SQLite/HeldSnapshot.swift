import Dispatch
import Synchronization

extension SQLiteDatabase {
  /// Keeps the writer from committing from when this returns until ``HeldSnapshot/release()`` or
  /// until `limit` has passed, and keeps what is committed by then, to be read and copied for as
  /// long as the answer is not closed.
  ///
  /// While several databases are held at the same time none of them changes: their snapshots are
  /// of one instant.
  ///
  /// The log of the database grows while the snapshot is kept, since the writer cannot start it
  /// anew.
  package func hold(atMost limit: Duration) async throws -> HeldSnapshot {
    let answer = Mutex<CheckedContinuation<HeldSnapshot, any Error>?>(nil)
    let taken: @Sendable () -> CheckedContinuation<HeldSnapshot, any Error>? = {
      answer.withLock { held in
        defer { held = nil }
        return held
      }
    }
    return try await withCheckedThrowingContinuation { continuation in
      answer.withLock { $0 = continuation }
      self.commits.submit(
        WaitingUnit(
          run: { _ in
            // On the writer's thread and inside its transaction: nobody else commits here.
            let snapshot = HeldSnapshot(try self.snapshotLane())
            taken()?.resume(returning: snapshot)
            snapshot.waitForRelease(limit)
            return {}
          },
          // Also for a commit that fails later on; the snapshot has nothing of it.
          fail: { taken()?.resume(throwing: $0) }))
    }
  }

  /// A connection of its own in a read transaction.
  private func snapshotLane() throws(StorageError) -> SQLiteLane {
    let lane = try SQLiteLane(path: self.path, readOnly: true, limits: self.limits)
    try lane.sync { connection throws(StorageError) in
      try SQLiteSettings.apply(self.limits, toReader: connection)
      try connection.perform(.beginRead)
      // "the transaction … does not actually start until the first time the database is accessed"
      _ = try connection.integer("SELECT count(*) FROM sqlite_schema")
    }
    return lane
  }
}

/// A database as it was at one instant; see ``SQLiteDatabase/hold(atMost:)``.
package final class HeldSnapshot: Sendable {
  private enum Phase {
    case holding
    case released
    case expired
  }

  private let lane: SQLiteLane
  private let isClosed = Mutex(false)
  private let phase = Mutex(Phase.holding)
  private let gate = DispatchSemaphore(value: 0)

  fileprivate init(_ lane: SQLiteLane) {
    self.lane = lane
  }

  deinit { self.gate.signal() }

  fileprivate func waitForRelease(_ limit: Duration) {
    _ = self.gate.wait(timeout: .now() + limit.inSeconds)
    self.phase.withLock { if $0 == .holding { $0 = .expired } }
  }

  /// Lets the writer go on. The snapshot stays.
  ///
  /// - Returns: whether nothing was committed until now.
  @discardableResult
  package func release() -> Bool {
    let wasHeld = self.phase.withLock { phase in
      guard phase == .holding else { return phase == .released }
      phase = .released
      return true
    }
    self.gate.signal()
    return wasHeld
  }

  /// Runs `query` on the snapshot.
  package func read<Answer: Sendable>(
    _ query: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> Answer {
    try await self.work { try query($0) }
  }

  /// Copies the snapshot into a file: one that needs no log beside it, and is on disk when this
  /// returns.
  ///
  /// - Parameter path: an empty file, or none.
  package func copy(to path: String) async throws {
    try await self.work { connection in
      try connection.copy(to: path)
      try Durable.sync(path)
    }
  }

  private func work<Answer: Sendable>(
    _ body: @escaping @Sendable (SQLiteConnection) throws -> Answer
  ) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
      let isClosed = self.isClosed.withLock { isClosed in
        // Under the lock, so that `close` comes behind it in the lane.
        if !isClosed {
          self.lane.async { connection in
            continuation.resume(with: Result { try body(connection) })
          }
        }
        return isClosed
      }
      if isClosed { continuation.resume(throwing: StorageError.closed) }
    }
  }

  /// Lets the writer go on, and gives the snapshot up behind what is read of it.
  package func close() async {
    self.release()
    let isFirst = self.isClosed.withLock { isClosed in
      defer { isClosed = true }
      return !isClosed
    }
    if isFirst { await self.lane.close { try? $0.perform(.rollback) } }
  }
}
