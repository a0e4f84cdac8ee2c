import Contracts
import FramedRPC
import NIOCore
import Synchronization

/// Counts the calls of all handlers that were given up.
final class CancelledCalls: Sendable {
  private let number = Mutex<Int64>(0)

  var count: Int64 { self.number.withLock { $0 } }

  func add() {
    self.number.withLock { $0 += 1 }
  }
}

/// Answers the test service for clients in other languages.
final class InteropHandler: FramedrpcV1.TestServiceHandler {
  /// Asked for with this text, Echo answers with the number of calls that were cancelled.
  static let cancelledCalls = "cancelled calls"

  private let cancelled: CancelledCalls

  init(cancelled: CancelledCalls) {
    self.cancelled = cancelled
  }

  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    if request.text == Self.cancelledCalls {
      return FramedrpcV1.EchoResponse(number: self.cancelled.count)
    }
    let remaining = context.deadline.map { ($0 - .now()).nanoseconds / 1_000_000 } ?? -1
    if request.delayMs > 0 {
      try await withTaskCancellationHandler {
        try await Task.sleep(for: .milliseconds(request.delayMs))
      } onCancel: {
        self.cancelled.add()
      }
    }
    if request.failWith != 0 {
      var metadata = RPCMetadata()
      try metadata.append("detail", "one")
      try metadata.append("detail", [0, 255])
      throw RPCError(
        RPCStatus(rawValue: UInt8(clamping: request.failWith)) ?? .unknown, request.text,
        reason: "asked-for", metadata: metadata)
    }
    return FramedrpcV1.EchoResponse(
      text: request.text, number: request.number, remainingMs: remaining,
      requestID: context.requestID ?? "")
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    FramedrpcV1.ReflectResponse(everything: request.everything)
  }
}
