import EventLog
import Kernel
import Storage
import SugangServices

/// A write that waits for its commit.
final class WaitingWrite {
  /// Runs the unit; what it returns answers who asked.
  private let unit: (any SQLConnection) throws -> () -> Void
  private let refuse: (any Error) -> Void
  private var answer: (() -> Void)?
  /// The call that the unit is a part of, nil when it is part of none.
  let call = ServedCall.current

  init(
    unit: @escaping (any SQLConnection) throws -> () -> Void,
    refuse: @escaping (any Error) -> Void
  ) {
    self.unit = unit
    self.refuse = refuse
  }

  func run(_ connection: any SQLConnection) throws {
    self.answer = try self.unit(connection)
  }

  func succeed() {
    self.answer?()
  }

  func fail(_ error: any Error) {
    self.refuse(error)
  }
}

/// The database of one life of a simulated service: its writes are steps of the schedule, and its
/// end is the end of that life, while what was committed stays.
///
/// `@unchecked Sendable`: as all of a simulated run, it belongs to the scheduler's thread.
final class SimulatedDatabase: TransactionalDatabase, @unchecked Sendable {
  private let node: Node
  private let life: Life

  init(node: Node, life: Life) {
    self.node = node
    self.life = life
  }

  var isOpen: Bool { self.life.isAlive && self.life.stopReason == nil }

  func write<Answer: Sendable>(
    _ unit: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> Answer {
    try Task.checkCancellation()
    self.node.world.begins("a write")
    return try await withCheckedThrowingContinuation { continuation in
      self.node.submit(
        WaitingWrite(
          unit: { connection in
            let answer = try unit(connection)
            return { continuation.resume(returning: answer) }
          },
          refuse: { continuation.resume(throwing: $0) }),
        of: self.life)
    }
  }

  func read<Answer: Sendable>(
    _ query: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> Answer {
    try Task.checkCancellation()
    self.node.world.begins("a read")
    return try await withCheckedThrowingContinuation { continuation in
      self.node.world.scheduler.soon("read") {
        guard self.life.isAlive else {
          return continuation.resume(throwing: StorageError.closed)
        }
        continuation.resume(with: Result { try self.node.store.read(query) })
      }
    }
  }

  func afterCommit(_ hook: @escaping @Sendable () -> Void) {
    self.life.commitHooks.append(hook)
  }

  func whenStopped(_ hook: @escaping @Sendable (_ reason: String) -> Void) {
    self.life.stopHooks.append(hook)
  }

  func close() async {}
}

extension Node {
  func submit(_ write: WaitingWrite, of life: Life) {
    let scheduler = self.world.scheduler
    guard life.isAlive else {
      return scheduler.soon("closed") { write.fail(StorageError.closed) }
    }
    if let reason = life.stopReason {
      return scheduler.soon("stopped") { write.fail(StorageError.stopped(reason: reason)) }
    }
    if self.world.happens(.storeBusy, self.world.plan.storeBusy) {
      return scheduler.soon("busy") { write.fail(StorageError.overloaded(waiting: 1)) }
    }
    if self.world.sabotage == .answersBeforeCommit { return self.answerEarly(write, of: life) }
    life.waiting.append(write)
    if life.waiting.count == 1 { self.scheduleCommit(of: life) }
  }

  private func scheduleCommit(of life: Life) {
    let latency = self.world.scheduler.random.time(50...3_000)
    self.world.scheduler.after(latency, "commit") { self.commit(life) }
  }

  /// One group commit, which may be the last thing that this life does.
  private func commit(_ life: Life) {
    guard life.isAlive, life.stopReason == nil else { return }
    let scheduler = self.world.scheduler
    let plan = self.world.plan
    let batch = Array(life.waiting.prefix(1 + scheduler.random.below(life.waiting.count)))
    life.waiting.removeFirst(batch.count)
    if self.world.happens(.crashBeforeCommit, plan.crashBeforeCommit) {
      _ = self.perform(batch, .undone)
      life.waiting += batch
      return self.crash()
    }
    if self.world.happens(.commitFails, plan.commitFails) {
      // F11: after an error it is on the disk, or it is not.
      let isKept = scheduler.random.chance(500)
      _ = self.perform(batch, isKept ? .unmarked : .undone)
      if isKept { self.noticeEvents() }
      return self.stop(life, batch)
    }
    let isCrash = self.world.happens(.crashAfterCommit, plan.crashAfterCommit)
    let isMarked = !isCrash || scheduler.random.chance(500)
    let results = self.perform(batch, isMarked ? .whole : .unmarked)
    if isCrash {
      life.waiting += batch
      return self.crash()
    }
    for hook in life.commitHooks { hook() }
    for (write, result) in zip(batch, results) {
      scheduler.soon("answer") {
        switch result {
        case .success where life.isAlive: write.succeed()
        case .success: write.fail(StorageError.closed)
        case .failure(let error): write.fail(error)
        }
      }
    }
    self.noticeEvents()
    for loop in life.loops { loop.wake() }
    if !life.waiting.isEmpty { self.scheduleCommit(of: life) }
  }

  private func perform(
    _ batch: [WaitingWrite], _ fate: MemoryDatabase.Fate
  ) -> [Result<Void, any Error>] {
    let fate = self.world.sabotage == .forgetsMarks && fate == .whole ? .unmarked : fate
    do {
      guard self.name == .class else {
        return try self.commit(batch.map { $0.run }, fate)
      }
      let watches = (self.world.seatWatch, self.world.roomWatch)
      defer { if fate == .undone { self.world.rewindWatches(to: watches) } }
      let units = batch.map { write in
        { (connection: any SQLConnection) in
          try write.run(connection)
          write.call?.lastWrite = self.world.scheduler.now
          try self.world.watchSeats(in: connection, after: write.call)
        }
      }
      return try self.commit(units, fate)
    } catch {
      preconditionFailure("a database in memory failed: \(error)")
    }
  }

  private func commit(
    _ units: [(any SQLConnection) throws -> Void], _ fate: MemoryDatabase.Fate
  ) throws -> [Result<Void, any Error>] {
    guard self.world.sabotage == .marksEarly, fate == .undone else {
      return try self.store.commit(units, fate)
    }
    // Sabotage: the mark is written before the commit, which does not come.
    var end: ChainLink?
    let results = try self.store.commit(
      units + [{ end = try Outbox.table.end(in: $0) }], fate)
    if let end { self.store.damageMark(.link(end)) }
    return Array(results.prefix(units.count))
  }

  /// As a group commit whose commit failed: fail-stop, until a person, or the supervisor, starts the
  /// service anew.
  private func stop(_ life: Life, _ batch: [WaitingWrite]) {
    let reason = "simulated"
    life.stopReason = reason
    self.noteStop()
    for write in batch { write.fail(StorageError.outcomeUnknown(reason: reason)) }
    for write in life.waiting { write.fail(StorageError.stopped(reason: reason)) }
    life.waiting = []
    for hook in life.stopHooks { hook(reason) }
    self.world.scheduler.after(self.world.scheduler.random.time(0...300_000), "stopped") {
      if self.life === life { self.crash() }
    }
  }

  /// Sabotage: says "done" of what a crash will lose.
  private func answerEarly(_ write: WaitingWrite, of life: Life) {
    let isLost = self.world.scheduler.random.chance(20)
    let result = self.perform([write], isLost ? .undone : .whole)[0]
    switch result {
    case .success: write.succeed()
    case .failure(let error): write.fail(error)
    }
    if !isLost { self.noticeEvents() }
    for loop in life.loops { loop.wake() }
  }
}
