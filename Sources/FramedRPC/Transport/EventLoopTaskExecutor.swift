package import NIOCore
import Synchronization

/// Runs Swift tasks on an event loop, so that a handler touches its connection without a hop.
package final class EventLoopTaskExecutor: TaskExecutor {
  private struct Jobs {
    var waiting: [UnownedJob] = []
    var drainIsScheduled = false
  }

  private let loop: any EventLoop
  private let jobs = Mutex(Jobs())

  package init(loop: any EventLoop) {
    self.loop = loop
  }

  package func enqueue(_ job: consuming ExecutorJob) {
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

  /// Runs the jobs that wait now; those they enqueue come after whatever else the loop has to do.
  private func drain() {
    let batch = self.jobs.withLock { jobs in
      jobs.drainIsScheduled = false
      return exchange(&jobs.waiting, with: [])
    }
    let executor = self.asUnownedTaskExecutor()
    for job in batch {
      job.runSynchronously(on: executor)
    }
  }
}

/// Puts a value in a place and returns what was there.
func exchange<Value>(_ place: inout Value, with value: Value) -> Value {
  let old = place
  place = value
  return old
}
