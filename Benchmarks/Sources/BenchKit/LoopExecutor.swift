public import NIOCore
import Synchronization

/// Runs tasks on an event loop, as FramedRPC runs its handlers there: what a handler that calls
/// another service has anyway.
///
/// `@unchecked Sendable`: what is not behind the mutex is touched only on the loop.
public final class LoopExecutor: TaskExecutor, @unchecked Sendable {
  private struct Jobs {
    var waiting: [UnownedJob] = []
    var drainIsScheduled = false
  }

  private let loop: any EventLoop
  private let jobs = Mutex(Jobs())
  private var spare: [UnownedJob] = []

  public init(_ loop: any EventLoop) {
    self.loop = loop
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let mustSchedule = self.jobs.withLock { jobs in
      jobs.waiting.append(job)
      defer { jobs.drainIsScheduled = true }
      return !jobs.drainIsScheduled
    }
    if mustSchedule {
      self.loop.execute { self.drain() }
    }
  }

  private func drain() {
    // The memory of the last batch; nobody else has it while this one runs.
    var batch: [UnownedJob] = []
    swap(&self.spare, &batch)
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
