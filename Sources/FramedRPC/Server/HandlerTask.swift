import NIOCore

/// One task that runs handlers; see ``HandlerTasks``.
///
/// `@unchecked Sendable`: its properties are the loop's while the task waits, and the task's while it
/// runs a handler. Each hands them to the other by resuming it.
final class HandlerTask: @unchecked Sendable {
  struct Work {
    let connection: ServerConnection
    let call: ServerConnection.Call
    let context: RPCContext
    let work: ServerConnection.Work
  }

  let execution: HandlerExecution
  private(set) var task: Task<Void, Never>?
  private var continuation: UnsafeContinuation<Void, Never>?
  /// nil when the task is to end.
  private var work: Work?
  /// What the handler returned …
  private var answer: ByteBuffer?
  /// … or threw.
  private var error: (any Error)?
  private var isPristine = true

  init(_ execution: HandlerExecution) {
    self.execution = execution
  }

  /// Whether no call can tell that there was one before.
  var isReusable: Bool { self.isPristine && self.task?.isCancelled != true }

  /// Detached: what happens to be the current task has nothing to do with the calls.
  func begin(_ work: Work, _ executor: EventLoopTaskExecutor) {
    self.work = work
    switch self.execution {
    case .eventLoop:
      self.task = Task.immediateDetached(executorPreference: executor) { await self.serve() }
    case .sharedPool:
      self.task = Task.detached(executorPreference: globalConcurrentExecutor) {
        await self.serve()
      }
    }
  }

  func resume(with work: Work?) {
    self.work = work
    self.continuation.take()?.resume()
  }

  private func serve() async {
    while self.work != nil {
      await self.handle()
      withUnsafeCurrentTask { task in
        guard let task else { return }
        self.isPristine = !task.isCancelled && task.priority == task.basePriority
      }
      await withUnsafeContinuation { continuation in
        self.continuation = continuation
        self.work?.connection.handlerTasks.handled(self)
      }
    }
  }

  /// A function of its own, so that nothing of a call is kept while the task waits.
  private func handle() async {
    guard let work = self.work else { return }
    await RPCContext.$current.withValue(work.context) {
      do {
        self.answer = try await work.work.answer(work.context, work.connection.limits.decode)
      } catch {
        self.error = error
      }
    }
  }

  /// Hands over what the handler said, on the loop.
  ///
  /// - Returns: the memory of the answer, perhaps still in use.
  func finish() -> ByteBuffer? {
    guard let work = self.work.take() else { return nil }
    work.connection.finish(work.call, work.context, self.answer, self.error.take())
    return self.answer.take() ?? work.call.takeBuffer()
  }
}
