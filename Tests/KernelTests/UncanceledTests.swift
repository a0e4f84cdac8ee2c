import Dispatch
import Kernel
import Synchronization
import Testing

@Suite("Work that is not to be canceled")
struct UncanceledTests {
  /// Runs jobs one after another, and counts them.
  private final class CountingExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "counting")
    private let jobs = Mutex(0)

    var count: Int { self.jobs.withLock { $0 } }

    func enqueue(_ job: consuming ExecutorJob) {
      self.jobs.withLock { $0 += 1 }
      let job = UnownedJob(job)
      self.queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
  }

  @Test("goes on when the task that waits for it is canceled")
  func goesOn() async throws {
    let task = Task {
      unsafe withUnsafeCurrentTask { task in unsafe task?.cancel() }
      return (Task.isCancelled, try await uncanceled { Task.isCancelled })
    }

    #expect(try await task.value == (true, false))
  }

  @Test("runs on the executor of that task")
  func keepsExecutor() async throws {
    let executor = CountingExecutor()
    let jobs = try await Task(executorPreference: executor) {
      let before = executor.count
      return try await uncanceled { executor.count - before }
    }.value

    #expect(jobs == 1)
  }
}
