import Contracts
import FramedRPC
import NIOCore

/// Answers the stream service for clients in other languages.
final class InteropStreamHandler: FramedrpcV1.StreamTestServiceHandler {
  /// Asked for with this text, Upload and Chat stop reading and wait until they are cancelled.
  static let deaf = "deaf"
  /// Asked for with this text, Download answers without an end.
  static let endless = "endless"

  private let cancelled: CancelledCalls

  init(cancelled: CancelledCalls) {
    self.cancelled = cancelled
  }

  func download(
    _ request: FramedrpcV1.StreamRequest, _ responses: RPCWriter<FramedrpcV1.StreamResponse>,
    _ context: RPCContext
  ) async throws {
    try await self.counting {
      try Self.echoMetadata(context, responses.call)
      repeat {
        for _ in 0..<max(request.times, 1) {
          for size in request.sizes {
            try await responses.write(.init(body: Self.body(size)))
          }
        }
      } while request.text == Self.endless
      try Self.fail(request)
    }
  }

  func upload(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>, _ context: RPCContext
  ) async throws -> FramedrpcV1.StreamResponse {
    try await self.counting {
      var answer = FramedrpcV1.StreamResponse()
      for try await request in requests {
        answer.messages += 1
        answer.totalBytes += Int64(request.body.count)
        if request.text == Self.deaf { try await Task.sleep(for: .seconds(3600)) }
        try Self.fail(request)
      }
      try Self.echoMetadata(context, nil)
      return answer
    }
  }

  func chat(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>,
    _ responses: RPCWriter<FramedrpcV1.StreamResponse>, _ context: RPCContext
  ) async throws {
    try await self.counting {
      try Self.echoMetadata(context, responses.call)
      var messages: Int64 = 0
      var totalBytes: Int64 = 0
      for try await request in requests {
        messages += 1
        totalBytes += Int64(request.body.count)
        if request.text == Self.deaf { try await Task.sleep(for: .seconds(3600)) }
        for size in request.sizes {
          try await responses.write(
            .init(body: Self.body(size), totalBytes: totalBytes, messages: messages))
        }
        try Self.fail(request)
      }
    }
  }

  private static func body(_ size: Int32) -> [UInt8] {
    [UInt8](repeating: 7, count: Int(max(size, 0)))
  }

  private func counting<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
    do {
      return try await body()
    } catch {
      if Task.isCancelled { self.cancelled.add() }
      throw error
    }
  }

  private static func fail(_ request: FramedrpcV1.StreamRequest) throws {
    guard request.failWith != 0 else { return }
    var metadata = RPCMetadata()
    try metadata.append("detail", "one")
    throw RPCError(
      RPCStatus(rawValue: UInt8(clamping: request.failWith)) ?? .unknown, request.text,
      reason: "asked-for", metadata: metadata)
  }

  /// - Parameter call: nil for a method whose answer has no beginning of its own.
  private static func echoMetadata(_ context: RPCContext, _ call: RPCByteStream?) throws {
    var initial = RPCMetadata()
    for value in context.metadata.values(of: "echo-initial") {
      try initial.append("echo-initial", value)
    }
    if !initial.isEmpty { try call?.writeInitialMetadata(initial) }
    for value in context.metadata.values(of: "echo-trailing") {
      try context.appendTrailer("echo-trailing", value)
    }
  }
}
