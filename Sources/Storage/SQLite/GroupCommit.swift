import Dispatch
import Logging
import Synchronization

/// The one writer of a database: whatever waits when it is free goes into one commit, and so into
/// one fsync (F2: 200 rows a second alone, tens of thousands together).
final class GroupCommit: Sendable {
  private let lane: SQLiteLane
  private let limits: SQLiteLimits
  private let mark: HighWaterMark?
  private let logger: Logger
  private let queue: Mutex<CommitQueue>
  private let hooks = Mutex<[@Sendable () -> Void]>([])
  private let stopHooks = Mutex<[@Sendable (String) -> Void]>([])
  private let gathered = DispatchSemaphore(value: 0)

  init(lane: SQLiteLane, limits: SQLiteLimits, mark: HighWaterMark? = nil, logger: Logger) {
    self.lane = lane
    self.limits = limits
    self.mark = mark
    self.logger = logger
    self.queue = Mutex(
      CommitQueue(
        maxUnitsPerCommit: limits.maxUnitsPerCommit, maxWaitingUnits: limits.maxWaitingUnits))
  }

  var phase: CommitQueue.Phase { self.queue.withLock { $0.phase } }
  var waitingUnits: Int { self.queue.withLock { $0.waitingUnits } }

  func submit(_ unit: WaitingUnit) {
    let refusal = self.queue.withLock { queue -> StorageError? in
      switch queue.admit(unit) {
      case .refused(let error): return error
      case .waits: break
      // Under the lock, so that `close` comes behind it in the lane.
      case .startsWriter: self.lane.async { self.work(on: $0) }
      case .completesGathering: self.gathered.signal()
      }
      return nil
    }
    if let refusal { unit.fail(refusal) }
  }

  func afterCommit(_ hook: @escaping @Sendable () -> Void) {
    self.hooks.withLock { $0.append(hook) }
  }

  func whenStopped(_ hook: @escaping @Sendable (String) -> Void) {
    // The hook is kept before the phase is looked at: a stop in between calls it at least once.
    self.stopHooks.withLock { $0.append(hook) }
    if case .stopped(let reason) = self.phase { hook(reason) }
  }

  /// Takes nothing new; what waits is still written.
  func close() {
    self.queue.withLock { $0.close() }
  }

  /// Lets go of every hook, and so of whatever they hold. Once nothing is written any more.
  func dropHooks() {
    self.hooks.withLock { $0 = [] }
    self.stopHooks.withLock { $0 = [] }
  }

  private func work(on connection: SQLiteConnection) {
    var lastBatch = 0
    while true {
      self.gather(lastBatch)
      let units = self.queue.withLock { $0.next() }
      if units.isEmpty { return }
      self.commit(units, on: connection)
      self.checkpointIfDue(connection)
      lastBatch = units.count
    }
  }

  /// Without this, callers that always come together would be committed as one, the rest, one, the
  /// rest: half as fast. A signal that comes after the time is up lets one later wait end early,
  /// which does no harm.
  private func gather(_ lastBatch: Int) {
    guard self.queue.withLock({ $0.startsGathering(lastBatch: lastBatch) }) else { return }
    _ = self.gathered.wait(timeout: .now() + self.limits.gatherTime.inSeconds)
  }

  private func commit(_ units: ArraySlice<WaitingUnit>, on connection: SQLiteConnection) {
    do {
      let (answers, kept, end) = try CommitBatch.commit(units, on: connection, mark: self.mark)
      self.mark?.note(end)
      if kept > 0 { for hook in self.hooks.withLock({ $0 }) { hook() } }
      for answer in answers { answer() }
    } catch .outcomeUnknown(let reason) {
      self.stop(reason, connection)
      for unit in units { unit.fail(StorageError.outcomeUnknown(reason: reason)) }
    } catch {
      if connection.handle.isInTransaction { try? connection.perform(.rollback) }
      for unit in units { unit.fail(error) }
    }
  }

  /// F11: after a failed commit the state of the disk is not known, and another try can lie.
  private func stop(_ reason: String, _ connection: SQLiteConnection) {
    self.logger.critical("storage stopped writing", metadata: ["reason": "\(reason)"])
    let inVain = self.queue.withLock { $0.stop(reason: reason) }
    for unit in inVain { unit.fail(StorageError.stopped(reason: reason)) }
    if connection.handle.isInTransaction { try? connection.perform(.rollback) }
    for hook in self.stopHooks.withLock({ $0 }) { hook(reason) }
  }

  /// Only the writer copies the log into the database (F10), between two commits.
  private func checkpointIfDue(_ connection: SQLiteConnection) {
    guard connection.handle.pagesWritten() >= self.limits.checkpointAfterPages else { return }
    do {
      try connection.checkpoint()
    } catch {
      self.stop("checkpoint: \(error)", connection)
    }
  }
}
