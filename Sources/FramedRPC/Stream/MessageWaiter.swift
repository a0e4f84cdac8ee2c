/// A task that waits for a message of its call, or for room to write one.
struct MessageWaiter<Value: Sendable>: Sendable {
  /// Its own within the call.
  let id: Int
  let continuation: UnsafeContinuation<Value, any Error>
  /// Its task was cancelled: ``MessageStream/interrupt()`` is on its way.
  var isCancelled = false
}
