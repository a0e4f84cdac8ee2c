import Dispatch
import GRDB

/// A connection on a serial queue of its own: what blocks there never blocks a thread of Swift's
/// cooperative pool.
///
/// `@unchecked Sendable`: the only mutable state is `connection`, which is written and used inside
/// the closures that `queue` runs one after another on its serial dispatch queue, and nowhere else.
final class SQLiteLane: @unchecked Sendable {
  private let queue: DatabaseQueue
  private var connection: SQLiteConnection?

  init(path: String, readOnly: Bool, limits: SQLiteLimits) throws(StorageError) {
    var configuration = Configuration()
    configuration.label = readOnly ? "storage.reader" : "storage.writer"
    configuration.readonly = readOnly
    configuration.busyMode = .timeout(limits.busyTimeout.inSeconds)
    // A rollback that fails on a broken disk leaves a transaction open: an error, not a crash.
    configuration.allowsUnsafeTransactions = true
    do {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      self.queue = queue
      self.connection = try queue.inDatabase { database in
        try SQLiteConnection(database, maxCachedStatements: limits.maxCachedStatements)
      }
    } catch {
      throw .cannotOpen(path: path, reason: "\(error)")
    }
  }

  /// Without `close`: statements are finalized before the connection closes here too. One that
  /// closes with the last of its statements instead would roll an open transaction back after GRDB's
  /// hooks for that are gone.
  deinit { self.connection = nil }

  /// Runs `work` on the queue. Does nothing after `close`.
  func async(_ work: @escaping @Sendable (SQLiteConnection) -> Void) {
    self.queue.asyncWriteWithoutTransaction { _ in
      if let connection = self.connection { work(connection) }
    }
  }

  /// Runs `work` on the queue and waits for it, blocking the thread: for start-up only.
  func sync<Answer>(
    _ work: (SQLiteConnection) throws(StorageError) -> Answer
  ) throws(StorageError) -> Answer {
    try StorageError.translating {
      try self.queue.inDatabase { _ in
        guard let connection = self.connection else { throw StorageError.closed }
        return try work(connection)
      }
    }
  }

  /// The same for work that throws errors of its own.
  func syncRethrowing<Answer>(_ work: (SQLiteConnection) throws -> Answer) throws -> Answer {
    try self.queue.inDatabase { _ in
      guard let connection = self.connection else { throw StorageError.closed }
      return try work(connection)
    }
  }

  /// Closes the connection behind all the work before it; again does nothing.
  func close(_ lastWork: @escaping @Sendable (SQLiteConnection) -> Void = { _ in }) async {
    await withCheckedContinuation { continuation in
      self.queue.asyncWriteWithoutTransaction { _ in
        if let connection = self.connection { lastWork(connection) }
        // Statements are finalized before the connection closes.
        self.connection = nil
        continuation.resume()
      }
    }
    await withCheckedContinuation { continuation in
      // GRDB closes synchronously; its queue is idle now, so this blocks for the closing only.
      DispatchQueue.global().async {
        try? self.queue.close()
        continuation.resume()
      }
    }
  }
}

extension Duration {
  var inSeconds: Double {
    Double(self.components.seconds) + Double(self.components.attoseconds) / 1e18
  }
}
