public import NIOCore

/// A unary call on its way through a channel; see ``RPCChannel/begin(_:)``.
///
/// Only the runtime makes and answers them.
public class RPCPendingCall: @unchecked Sendable {
  /// Whether ``send(_:)`` is all that is to do.
  @usableFromInline let isReady: Bool

  init(isReady: Bool) {
    self.isReady = isReady
  }

  /// Sends the request; `continuation` is resumed with the answer. Only when ``isReady``.
  @usableFromInline
  func send(_ continuation: UnsafeContinuation<ByteBuffer, any Error>) {
    preconditionFailure("a pending call that is ready sends its request")
  }

  /// The caller has left. Only when ``isReady``.
  @usableFromInline
  func cancel() {}

  /// What to do after an error: another attempt if that is safe, else to throw it. Only when
  /// ``isReady``.
  @usableFromInline
  func answer(after error: any Error) async throws -> ByteBuffer { throw error }

  /// The answer of a call that has to wait before it can be sent. Only when not ``isReady``.
  @usableFromInline
  func answerWhenReady() async throws -> ByteBuffer {
    preconditionFailure("a pending call that is not ready waits")
  }
}

extension RPCPendingCall {
  /// Sends the request and waits for its answer; cancelling the task cancels the call.
  ///
  /// Inlined into generated code: an asynchronous function between the caller and its answer costs a
  /// twentieth of a call.
  @inlinable @inline(__always)
  func answer() async throws -> ByteBuffer {
    guard self.isReady else { return try await self.answerWhenReady() }
    do {
      return try await withTaskCancellationHandler {
        try await withUnsafeThrowingContinuation { self.send($0) }
      } onCancel: {
        self.cancel()
      }
    } catch {
      return try await self.answer(after: error)
    }
  }
}

/// A call through a channel that has more to do than to send it.
final class IndirectCall: RPCPendingCall, @unchecked Sendable {
  private let channel: any RPCChannel
  private let call: RPCCall

  init(_ call: consuming RPCCall, through channel: any RPCChannel) {
    self.call = call
    self.channel = channel
    super.init(isReady: false)
  }

  override func answerWhenReady() async throws -> ByteBuffer {
    try await self.channel.call(self.call)
  }
}
