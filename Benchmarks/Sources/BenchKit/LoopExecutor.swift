public import NIOCore
import Synchronization

/// Runs tasks on an event loop, as FramedRPC runs its handlers there: what a handler that calls
/// another service has anyway.
public final class LoopExecutor: TaskExecutor {
  private struct Jobs {
    var waiting: [UnownedJob] = []
    var drainIsScheduled = false
  }

  private let loop: any EventLoop
  private let jobs = Mutex(Jobs())

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
    let batch = self.jobs.withLock { jobs in
      let batch = jobs.waiting
      jobs = Jobs()
      return batch
    }
    let executor = self.asUnownedTaskExecutor()
    for job in batch {
      job.runSynchronously(on: executor)
    }
  }
}
