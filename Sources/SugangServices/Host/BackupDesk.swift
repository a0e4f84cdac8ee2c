import Contracts
import Dispatch
import EventLog
import Foundation
import FramedRPC
import Logging
import Storage
import Synchronization

/// A service's part in a backup of the whole system, `sugang backup`.
///
/// The caller holds the writers of all services, sees that they are all held, and only then lets
/// them go. From the last answer to a hold until the first release nothing is committed anywhere,
/// and each snapshot is of its service as it was then: all of one instant. What the copies say is
/// therefore what the disks would have said, had the power failed for all services in that instant,
/// and the system is made to start from that:
///
/// * Events. A consumer moves its cursor in the transaction of an event's effect, after it got the
///   event, which it gets after the producer committed it. So no copy of a consumer has taken an
///   event that the copy of its producer lacks, and what it has not taken it fetches after its
///   cursor: nothing is lost, and nothing is taken twice.
/// * Synchronous calls. Class commits PENDING before it asks Pay, Pay commits the payment before it
///   answers, and Class commits REGISTERED after that. A copy between two of these steps has a
///   PENDING class, whose payment Class asks for again at its start, by the same key; the same goes
///   for Point and Gift.
/// * A unit that waits for its commit while the writer is held is not in the copy, and its caller
///   has not been answered.
///
/// What was acknowledged after the instant is not in the backup, of course.
final class BackupDesk: AdminV1.BackupServiceHandler {
  /// Longest time that nothing is committed.
  static let maxHoldMilliseconds: Int32 = 2000
  /// How long a snapshot waits for its copy: while it lasts, the database's log grows.
  static let keptFor = Duration.seconds(300)

  private struct Backup {
    let id: String
    /// nil until the writer is held.
    var snapshot: HeldSnapshot?
    var isCopied = false
  }

  private let name: String
  private let database: SQLiteDatabase
  private let logger: Logger
  private let current = Mutex<Backup?>(nil)

  init(name: ServiceName, database: SQLiteDatabase, logger: Logger) {
    self.name = name.rawValue
    self.database = database
    self.logger = logger
  }

  func hold(
    _ request: AdminV1.HoldRequest, _ context: RPCContext
  ) async throws -> AdminV1.HoldResponse {
    guard (8...64).contains(request.backupID.utf8.count) else {
      throw Self.invalid("backup_id has 8 to 64 bytes")
    }
    guard (1...Self.maxHoldMilliseconds).contains(request.holdMs) else {
      throw Self.invalid("hold_ms is 1 to \(Self.maxHoldMilliseconds)")
    }
    let isFree = self.current.withLock { current in
      guard current == nil else { return false }
      current = Backup(id: request.backupID)
      return true
    }
    guard isFree else {
      throw RPCError(
        .failedPrecondition, "another backup is under way", reason: "backup-under-way")
    }
    do {
      let snapshot = try await self.database.hold(atMost: .milliseconds(Int64(request.holdMs)))
      let isWanted = self.current.withLock { current in
        // Whoever asked may have given it up meanwhile.
        guard current?.id == request.backupID else { return false }
        current?.snapshot = snapshot
        return true
      }
      guard isWanted else {
        await snapshot.close()
        throw RPCError(.cancelled, "the backup was given up", reason: "backup-given-up")
      }
      self.giveUpLater(request.backupID)
      return try await snapshot.read { connection in
        AdminV1.HoldResponse(
          logID: try connection.row("SELECT log_id FROM outbox_log")?.text(0) ?? "",
          lastSequence: try Outbox.table.end(in: connection).sequence)
      }
    } catch {
      await self.end(request.backupID)
      throw Self.unavailable(error)
    }
  }

  func release(
    _ request: AdminV1.ReleaseRequest, _ context: RPCContext
  ) async throws -> AdminV1.ReleaseResponse {
    AdminV1.ReleaseResponse(wasHeld: try self.snapshot(request.backupID).release())
  }

  func copy(
    _ request: AdminV1.CopyRequest, _ context: RPCContext
  ) async throws -> AdminV1.CopyResponse {
    let snapshot = try self.snapshot(request.backupID)
    try BackupTarget.check(request.folder)
    let isFirst = self.current.withLock { current in
      defer { current?.isCopied = true }
      return current?.isCopied == false
    }
    guard isFirst else {
      throw RPCError(.failedPrecondition, "it is copied already", reason: "backup-copied")
    }
    do {
      let target = BackupTarget(folder: request.folder, service: self.name)
      try target.makeEmpty()
      try await snapshot.copy(to: target.database)
      let end = try await snapshot.read { try Outbox.table.end(in: $0) }
      await self.end(request.backupID)
      let files = try await Self.blocking { try target.finish(mark: end) }
      self.logger.info("backup written", metadata: ["path": "\(target.database)"])
      return AdminV1.CopyResponse(files: files)
    } catch {
      await self.end(request.backupID)
      throw Self.unavailable(error)
    }
  }

  func discard(
    _ request: AdminV1.DiscardRequest, _ context: RPCContext
  ) async throws -> AdminV1.DiscardResponse {
    await self.end(request.backupID)
    return AdminV1.DiscardResponse()
  }

  private func snapshot(_ id: String) throws(RPCError) -> HeldSnapshot {
    let snapshot = self.current.withLock { $0?.id == id ? $0?.snapshot : nil }
    guard let snapshot else {
      throw RPCError(.notFound, "no such backup is under way", reason: "backup-not-found")
    }
    return snapshot
  }

  private func end(_ id: String) async {
    let snapshot = self.current.withLock { current -> HeldSnapshot? in
      guard current?.id == id else { return nil }
      defer { current = nil }
      return current?.snapshot
    }
    await snapshot?.close()
  }

  /// Whoever asked for it may have gone.
  private func giveUpLater(_ id: String) {
    Task { [weak self] in
      try? await Task.sleep(for: Self.keptFor)
      guard let self, self.current.withLock({ $0?.id == id && $0?.isCopied == false }) else {
        return
      }
      self.logger.warning("a backup was given up: nobody copied it")
      await self.end(id)
    }
  }

  /// Not on an event loop, which others wait for.
  private static func blocking<Answer: Sendable>(
    _ work: @escaping @Sendable () throws -> Answer
  ) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
    }
  }

  private static func invalid(_ message: String) -> RPCError {
    RPCError(.invalidArgument, message, reason: "validation-failed")
  }

  private static func unavailable(_ error: any Error) -> any Error {
    guard error is StorageError || error is ChainDamage || error is CocoaError else {
      return error
    }
    return RPCError(.failedPrecondition, "no backup: \(error)", reason: "backup-failed")
  }
}
