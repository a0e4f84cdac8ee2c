import Foundation

/// One thread on which everything of a simulated run happens, in an order that the seed decides, and
/// in a time that jumps from one thing to do to the next.
///
/// Swift's tasks run here because they prefer this executor: each step of a task, from one wait to
/// the next, is a job. Of all jobs and actions that could go on now, the generator picks one; when
/// there are none, the time moves to the next timer. So no step takes any time, and any order of
/// steps that a real machine might show can come up.
///
/// `@unchecked Sendable`: it is used on the thread that made it and on no other, which `enqueue`
/// checks.
package final class Scheduler: TaskExecutor, @unchecked Sendable {
  private enum Work {
    case job(UnownedJob)
    case action(UInt64, () -> Void)
  }

  /// More steps are a livelock: a run takes some thousands.
  private static let maxSteps = 4_000_000

  package var random: SeededGenerator
  /// Virtual microseconds since the start.
  package private(set) var now: Int64 = 0
  package private(set) var steps = 0
  /// A hash of what was done when; equal runs have equal ones.
  package private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325
  /// Tasks that have not ended.
  package private(set) var activeTasks = 0
  private var ready: [Work] = []
  private var timers = TimerHeap()
  private let thread = pthread_self()

  package init(seed: UInt64) {
    self.random = SeededGenerator(seed: seed)
  }

  // MARK: What there is to do

  package func enqueue(_ job: consuming ExecutorJob) {
    precondition(
      pthread_equal(self.thread, pthread_self()) != 0, "something left the simulation's thread")
    self.ready.append(.job(UnownedJob(job)))
  }

  /// Does `action` some time at this moment.
  package func soon(_ label: StaticString, _ action: @escaping () -> Void) {
    self.ready.append(.action(Self.hash(label), action))
  }

  /// Does `action` after a virtual time, in microseconds.
  @discardableResult
  package func after(
    _ delay: Int64, _ label: StaticString, _ action: @escaping () -> Void
  ) -> SimulatedTimer {
    let timer = SimulatedTimer(label: Self.hash(label), action: action)
    self.timers.insert(timer, at: self.now + max(0, delay))
    return timer
  }

  @discardableResult
  package func spawn(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
    self.activeTasks += 1
    return Task(executorPreference: self) {
      await work()
      self.activeTasks -= 1
    }
  }

  /// Lets a task wait, in virtual microseconds.
  package func sleep(_ delay: Int64) async {
    await withCheckedContinuation { continuation in
      self.after(delay, "sleep") { continuation.resume() }
    }
  }

  // MARK: Doing it

  /// Does what there is to do until the virtual time `limit`, or until `isOver`, asked at each move
  /// of the time.
  ///
  /// - Throws: ``Livelock``.
  package func run(until limit: Int64, orUntil isOver: () -> Bool = { false }) throws(Livelock) {
    let executor = self.asUnownedTaskExecutor()
    while true {
      while !self.ready.isEmpty {
        switch self.pick() {
        case .job(let job):
          self.note(1)
          job.runSynchronously(on: executor)
        case .action(let label, let action):
          self.note(label)
          action()
        }
        guard self.steps < Self.maxSteps else { throw Livelock(steps: self.steps) }
      }
      if isOver() { return }
      guard let (time, timer) = self.timers.popFirst(notAfter: limit) else { break }
      self.now = time
      self.note(timer.label)
      timer.action()
    }
    self.now = max(self.now, limit)
  }

  private func pick() -> Work {
    let last = self.ready.count - 1
    if last > 0 { self.ready.swapAt(self.random.below(last + 1), last) }
    return self.ready.removeLast()
  }

  /// Makes `bits` a part of the trace.
  package func note(_ bits: UInt64) {
    self.steps += 1
    let mixed = (self.trace ^ bits ^ UInt64(bitPattern: self.now)) &* 0x9E37_79B9_7F4A_7C15
    self.trace = mixed ^ (mixed >> 29)
  }

  /// FNV-1a, 64 bits.
  private static func hash(_ label: StaticString) -> UInt64 {
    label.withUTF8Buffer { bytes in
      bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
  }
}

/// A run that does not come to rest.
package struct Livelock: Error, CustomStringConvertible {
  package let steps: Int

  package var description: String { "no rest after \(self.steps) steps" }
}

/// Something to be done later, unless it is canceled. Belongs to the thread of its scheduler.
package final class SimulatedTimer {
  let label: UInt64
  fileprivate let action: () -> Void
  fileprivate var isCanceled = false

  fileprivate init(label: UInt64, action: @escaping () -> Void) {
    self.label = label
    self.action = action
  }

  package func cancel() {
    self.isCanceled = true
  }
}

/// Timers, the earliest first, and of equal ones the first set: a binary heap.
private struct TimerHeap {
  private struct Entry {
    let time: Int64
    let order: Int
    let timer: SimulatedTimer

    func comes(before other: Entry) -> Bool {
      self.time < other.time || (self.time == other.time && self.order < other.order)
    }
  }

  private var entries: [Entry] = []
  private var order = 0

  mutating func insert(_ timer: SimulatedTimer, at time: Int64) {
    self.order += 1
    self.entries.append(Entry(time: time, order: self.order, timer: timer))
    var child = self.entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard self.entries[child].comes(before: self.entries[parent]) else { return }
      self.entries.swapAt(child, parent)
      child = parent
    }
  }

  /// Canceled timers move no time.
  mutating func popFirst(notAfter limit: Int64) -> (time: Int64, timer: SimulatedTimer)? {
    while let first = self.entries.first {
      if first.timer.isCanceled {
        self.removeFirst()
        continue
      }
      guard first.time <= limit else { return nil }
      self.removeFirst()
      return (first.time, first.timer)
    }
    return nil
  }

  private mutating func removeFirst() {
    self.entries.swapAt(0, self.entries.count - 1)
    self.entries.removeLast()
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < self.entries.count else { return }
      if child + 1 < self.entries.count, self.entries[child + 1].comes(before: self.entries[child])
      {
        child += 1
      }
      guard self.entries[child].comes(before: self.entries[parent]) else { return }
      self.entries.swapAt(parent, child)
      parent = child
    }
  }
}
