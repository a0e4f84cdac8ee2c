/// Runs `work` to its end, also when the task that waits for it is canceled meanwhile, and on the
/// executor of that task.
///
/// A plain `Task { }` would leave the executor that its maker prefers.
package func uncanceled<Answer: Sendable>(
  _ work: @escaping @Sendable () async throws -> Answer
) async throws -> Answer {
  // Unsafe: the handle of the current task is used inside the closure only; the executor outlives
  // it, since the task that waits below runs on it.
  let executor = unsafe withUnsafeCurrentTask { task in
    unsafe task?.unownedTaskExecutor?.asTaskExecutor()
  }
  return try await Task(executorPreference: executor) { try await work() }.value
}
