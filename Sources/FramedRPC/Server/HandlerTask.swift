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
  @exclusivity(unchecked) private(set) var task: Task<Void, Never>?
  @exclusivity(unchecked) private var continuation: UnsafeContinuation<Void, Never>?
  /// nil when the task is to end.
  @exclusivity(unchecked) private var work: Work?
  /// Of the handler that runs.
  @exclusivity(unchecked) private var call: (ServerConnection, ServerConnection.Call)?
  /// What the handler returned …
  @exclusivity(unchecked) private var answer: ByteBuffer?
  /// … or threw.
  @exclusivity(unchecked) private var failure: (error: any Error, context: RPCContext)?
  @exclusivity(unchecked) private var isPristine = true

  init(_ execution: HandlerExecution) {
    self.execution = execution
  }

  /// Whether no call can tell that there was one before.
  var isReusable: Bool { self.isPristine && self.task?.isCancelled != true }

  /// Detached: what happens to be the current task has nothing to do with the calls.
  func begin(_ executor: EventLoopTaskExecutor) {
    switch self.execution {
    case .eventLoop:
      self.task = Task.immediateDetached(executorPreference: executor) { await self.serve() }
    case .sharedPool:
      self.task = Task.detached(executorPreference: globalConcurrentExecutor) {
        await self.serve()
      }
    }
  }

  /// What to do when it begins, or is resumed.
  func take(_ work: consuming Work) {
    self.work = consume work
  }

  /// Goes on with what it has taken; without that, the task ends.
  func resume() {
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
        self.call?.0.handlerTasks.handled(self)
      }
    }
  }

  /// A function of its own, so that nothing of a call is kept while the task waits.
  private func handle() async {
    guard let work = self.work.take() else { return }
    self.call = (work.connection, work.call)
    await RPCContext.$current.withValue(work.context) {
      do {
        self.answer = try await work.work.answer(work.context, work.connection.limits.decode)
      } catch {
        self.failure = (error, work.context)
      }
    }
  }

  /// Hands over what the handler said, on the loop.
  ///
  /// - Returns: the memory of the answer, perhaps still in use.
  func finish() -> ByteBuffer? {
    guard let (connection, call) = self.call.take() else { return nil }
    connection.finish(call, self.answer, self.failure.take())
    return self.answer.take() ?? call.takeBuffer()
  }
}
