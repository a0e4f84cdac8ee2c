/// A unit of work whose caller waits for the commit.
struct WaitingUnit: Sendable {
  /// Runs the unit; what it returns answers the caller, to be called once the commit is on disk.
  let run: @Sendable (any SQLConnection) throws -> @Sendable () -> Void
  /// Answers the caller with an error.
  let fail: @Sendable (any Error) -> Void
}

/// Decides who waits, who is refused and what goes into the next commit: a state machine without
/// threads, which ``GroupCommit`` drives under a lock.
struct CommitQueue {
  enum Phase: Hashable {
    case open
    /// Writes what waits and takes nothing new.
    case closing
    case stopped(reason: String)
  }

  enum Admission {
    case refused(StorageError)
    case waits
    /// It waits, and nobody works the queue yet: the caller starts the writer.
    case startsWriter
    /// It waits, and is the last one the writer was waiting for: wake the writer.
    case completesGathering
  }

  private let maxUnitsPerCommit: Int
  private let maxWaitingUnits: Int
  private var waiting: [WaitingUnit] = []
  private var isWorked = false
  private var gatheringUntil: Int?
  private(set) var phase = Phase.open

  init(maxUnitsPerCommit: Int, maxWaitingUnits: Int) {
    self.maxUnitsPerCommit = maxUnitsPerCommit
    self.maxWaitingUnits = maxWaitingUnits
  }

  var waitingUnits: Int { self.waiting.count }

  mutating func admit(_ unit: WaitingUnit) -> Admission {
    switch self.phase {
    case .open: break
    case .closing: return .refused(.closed)
    case .stopped(let reason): return .refused(.stopped(reason: reason))
    }
    guard self.waiting.count < self.maxWaitingUnits else {
      return .refused(.overloaded(waiting: self.waiting.count))
    }
    self.waiting.append(unit)
    guard self.isWorked else {
      self.isWorked = true
      return .startsWriter
    }
    guard let wanted = self.gatheringUntil, self.waiting.count >= wanted else { return .waits }
    self.gatheringUntil = nil
    return .completesGathering
  }

  /// Whether it is worth waiting a moment: the callers of a commit of `lastBatch` units have just
  /// been answered, and not all of them are back yet.
  mutating func startsGathering(lastBatch: Int) -> Bool {
    guard self.phase == .open, lastBatch > 1, self.waiting.count < lastBatch else { return false }
    self.gatheringUntil = lastBatch
    return true
  }

  /// The units of the next commit, the oldest first. None means that the writer's work is done.
  mutating func next() -> ArraySlice<WaitingUnit> {
    self.gatheringUntil = nil
    let batch = self.waiting.prefix(self.maxUnitsPerCommit)
    self.waiting.removeFirst(batch.count)
    if batch.isEmpty { self.isWorked = false }
    return batch
  }

  mutating func close() {
    if self.phase == .open { self.phase = .closing }
  }

  /// Fail-stop: hands back who waits in vain.
  mutating func stop(reason: String) -> [WaitingUnit] {
    self.phase = .stopped(reason: reason)
    defer { self.waiting = [] }
    return self.waiting
  }
}
