public import NIOCore
import Synchronization

/// Runs Swift tasks on an event loop, so that a handler touches its connection without a hop.
///
/// It is a task executor for callers too: a task that makes many calls through a client of the same
/// loop pays no change of threads for any. It must not block.
///
/// ```swift
/// let executor = EventLoopTaskExecutor(loop: loop)
/// Task(executorPreference: executor) { try await client.approve(request) }
/// ```
///
/// `@unchecked Sendable`: what is not behind the mutex is touched only on the loop.
public final class EventLoopTaskExecutor: TaskExecutor, @unchecked Sendable {
  private struct Jobs {
    var waiting: [UnownedJob] = []
    var drainIsDue = false
  }

  private let loop: any EventLoop
  private let turn: LoopTurn
  private let jobs = Mutex(Jobs())
  /// Those that a read of the loop enqueues: most of them, and no other thread's business.
  @exclusivity(unchecked) private var ofTurn: [UnownedJob] = []
  @exclusivity(unchecked) private var spare: [UnownedJob] = []
  @exclusivity(unchecked) private var isResuming = false
  /// The task that ``resumeNow(_:)`` has resumed.
  @exclusivity(unchecked) private var resumed: UnownedJob?

  public init(loop: any EventLoop) {
    self.loop = loop
    self.turn = LoopTurn.of(loop)
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if self.loop.inEventLoop, self.isResuming {
      self.isResuming = false
      self.resumed = job
      return
    }
    if self.turn.isReadingHere {
      if self.ofTurn.isEmpty { self.turn.append(self) }
      self.ofTurn.append(job)
      return
    }
    let mustDrain = self.jobs.withLock { jobs in
      jobs.waiting.append(job)
      defer { jobs.drainIsDue = true }
      return !jobs.drainIsDue
    }
    if mustDrain {
      self.loop.execute { self.drain() }
    }
  }

  /// Runs the task that `resume` resumes until it waits again, before this returns: not after a turn
  /// of the loop, as one that is resumed elsewhere.
  ///
  /// - Parameter resume: resumes one task that waits and prefers this executor, and does nothing else.
  func resumeNow(_ resume: () -> Void) {
    self.loop.assertInEventLoop()
    self.isResuming = true
    resume()
    self.isResuming = false
    if let job = exchange(&self.resumed, with: nil) {
      job.runSynchronously(on: self.asUnownedTaskExecutor())
    }
  }

  /// Runs the jobs that the read has enqueued, at its end.
  func drainTurn() {
    var batch = exchange(&self.spare, with: [])
    swap(&self.ofTurn, &batch)
    self.run(&batch)
  }

  /// Runs the jobs that wait now; those they enqueue come after whatever else the loop has to do.
  private func drain() {
    var batch = exchange(&self.spare, with: [])
    self.jobs.withLock { jobs in
      jobs.drainIsDue = false
      swap(&jobs.waiting, &batch)
    }
    self.run(&batch)
  }

  /// - Parameter batch: in the memory of the last one, which nobody else has while this one runs.
  private func run(_ batch: inout [UnownedJob]) {
    let executor = self.asUnownedTaskExecutor()
    for job in batch {
      job.runSynchronously(on: executor)
    }
    batch.removeAll(keepingCapacity: true)
    self.spare = batch
  }
}

/// Puts a value in a place and returns what was there.
func exchange<Value>(_ place: inout Value, with value: Value) -> Value {
  let old = place
  place = value
  return old
}
