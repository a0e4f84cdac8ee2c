import NIOCore

/// One task that runs handlers; see ``HandlerTasks``.
///
/// `@unchecked Sendable`: its properties are the loop's while the task waits for a call, and the task's
/// while it runs a handler. One on the loop is there anyway; one of the pool hands them over by resuming
/// and by ``HandlerTasks/handled(_:)``.
final class HandlerTask: @unchecked Sendable {
  let execution: HandlerExecution
  private let tasks: HandlerTasks
  @exclusivity(unchecked) private(set) var task: Task<Void, Never>?
  @exclusivity(unchecked) private var continuation: UnsafeContinuation<Void, Never>?
  /// Whose handler runs or is to run; nil when the task waits for a call, or is to end.
  @exclusivity(unchecked) private(set) var call: ServerConnection.Call?
  /// What the handler returned …
  @exclusivity(unchecked) private var answer: ByteBuffer?
  /// … or threw.
  @exclusivity(unchecked) private var failure: (any Error)?
  @exclusivity(unchecked) private var isPristine = true

  init(_ tasks: HandlerTasks, _ execution: HandlerExecution) {
    self.tasks = tasks
    self.execution = execution
  }

  /// Whether no call can tell that there was one before.
  var isReusable: Bool { self.isPristine && self.task?.isCancelled != true }

  /// Runs the handler of `call`: on the loop until it first waits before this returns.
  func run(_ call: ServerConnection.Call, _ executor: EventLoopTaskExecutor) {
    self.call = call
    guard self.task == nil else { return self.resume(executor) }
    // Detached: what happens to be the current task has nothing to do with the calls.
    switch self.execution {
    case .eventLoop:
      self.task = Task.immediateDetached(executorPreference: executor) { await self.serve() }
    case .sharedPool:
      self.task = Task.detached(executorPreference: globalConcurrentExecutor) {
        await self.serve()
      }
    }
  }

  /// The call to go on with, when its last one is done.
  func take(_ call: ServerConnection.Call) {
    self.call = call
  }

  /// Goes on with its call; without one, the task ends.
  func resume(_ executor: EventLoopTaskExecutor) {
    guard let continuation = self.continuation.take() else { return }
    switch self.execution {
    case .eventLoop: executor.resumeNow { continuation.resume() }
    case .sharedPool: continuation.resume()
    }
  }

  /// `@concurrent`, as ``handle()``: for an isolation that is only known at run time, each await would
  /// check the executor once more.
  @concurrent
  private func serve() async {
    let priority = Task.currentPriority
    var isFirst = true
    while self.call != nil {
      await self.handle()
      // ``isReusable`` asks the task itself, unless nobody has it yet: what made it has not returned.
      let isUnknown = isFirst || self.execution == .eventLoop && self.task == nil
      let isCancelled = isUnknown && Task.isCancelled
      self.isPristine = !isCancelled && Task.currentPriority == priority
      isFirst = false
      if self.execution == .eventLoop {
        guard self.tasks.finish(self) else { return }
        if self.call != nil { continue }
      }
      await withUnsafeContinuation { continuation in
        self.continuation = continuation
        switch self.execution {
        case .eventLoop: self.tasks.park(self)
        case .sharedPool: self.tasks.handled(self)
        }
      }
    }
  }

  /// A function of its own, so that nothing of a call is kept while the task waits.
  @concurrent
  private func handle() async {
    guard let call = self.call, let work = call.work.take() else { return }
    let context = RPCContext(call)
    await RPCContext.$current.withValue(context) {
      do {
        self.answer = try await work.answer(context, call.connection.limits.decode)
      } catch {
        self.failure = error
      }
    }
  }

  /// Hands over what the handler said, on the loop.
  ///
  /// - Returns: the memory of the answer, perhaps still in use.
  func finish() -> ByteBuffer? {
    guard let call = self.call.take() else { return nil }
    call.connection.finish(call, self.answer, self.failure.take())
    return self.answer.take() ?? call.takeBuffer()
  }
}
