package import NIOCore
import Synchronization

/// Runs Swift tasks on an event loop, so that a handler touches its connection without a hop.
///
/// `@unchecked Sendable`: what is not behind the mutex is touched only on the loop.
package final class EventLoopTaskExecutor: TaskExecutor, @unchecked Sendable {
  private struct Jobs {
    var waiting: [UnownedJob] = []
    var drainIsScheduled = false
  }

  private let loop: any EventLoop
  private let jobs = Mutex(Jobs())
  @exclusivity(unchecked) private var spare: [UnownedJob] = []
  @exclusivity(unchecked) private var isResuming = false
  /// The task that ``resumeNow(_:)`` has resumed.
  @exclusivity(unchecked) private var resumed: UnownedJob?

  package init(loop: any EventLoop) {
    self.loop = loop
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if self.loop.inEventLoop, self.isResuming {
      self.isResuming = false
      self.resumed = job
      return
    }
    let mustSchedule = self.jobs.withLock { jobs in
      jobs.waiting.append(job)
      defer { jobs.drainIsScheduled = true }
      return !jobs.drainIsScheduled
    }
    if mustSchedule {
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

  /// Runs the jobs that wait now; those they enqueue come after whatever else the loop has to do.
  private func drain() {
    // The memory of the last batch; nobody else has it while this one runs.
    var batch = exchange(&self.spare, with: [])
    self.jobs.withLock { jobs in
      jobs.drainIsScheduled = false
      swap(&jobs.waiting, &batch)
    }
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
