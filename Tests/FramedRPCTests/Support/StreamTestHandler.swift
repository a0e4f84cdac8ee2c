import Contracts
import FramedRPC
import Synchronization

/// Answers the stream service, and can be told to wait.
final class StreamTestHandler: FramedrpcV1.StreamTestServiceHandler {
  private struct State {
    var cancelled = 0
    /// Handlers that have returned or thrown.
    var ended = 0
    var received = 0
    var watchers: [Int: (isTrue: @Sendable (Counts) -> Bool, CheckedContinuation<Void, Never>)] =
      [:]
    var lastWatcher = 0

    var counts: Counts {
      Counts(cancelled: self.cancelled, ended: self.ended, received: self.received)
    }
  }

  struct Counts: Hashable, Sendable {
    /// Handlers that ended because their call was given up.
    var cancelled: Int
    var ended: Int
    /// Requests read.
    var received: Int
  }

  /// Asked for with this text, Chat stops reading and waits until it is cancelled.
  static let deaf = "deaf"
  /// Asked for with this text, Download answers without an end.
  static let endless = "endless"

  private let state = Mutex(State())

  var counts: Counts { self.state.withLock { $0.counts } }

  func download(
    _ request: FramedrpcV1.StreamRequest, _ responses: RPCWriter<FramedrpcV1.StreamResponse>,
    _ context: RPCContext
  ) async throws {
    try await self.counting {
      try self.echoMetadata(context, responses.call)
      repeat {
        for _ in 0..<max(request.times, 1) {
          for size in request.sizes {
            try await responses.write(
              .init(body: [UInt8](repeating: 7, count: Int(size))))
          }
        }
      } while request.text == Self.endless
      try self.fail(request)
    }
  }

  func upload(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>, _ context: RPCContext
  ) async throws -> FramedrpcV1.StreamResponse {
    try await self.counting {
      var answer = FramedrpcV1.StreamResponse()
      for try await request in requests {
        self.change { $0.received += 1 }
        answer.messages += 1
        answer.totalBytes += Int64(request.body.count)
        if request.text == Self.deaf { try await Self.sleepUntilCancelled() }
        try self.fail(request)
      }
      try self.echoMetadata(context, nil)
      return answer
    }
  }

  func chat(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>,
    _ responses: RPCWriter<FramedrpcV1.StreamResponse>, _ context: RPCContext
  ) async throws {
    try await self.counting {
      try self.echoMetadata(context, responses.call)
      var messages: Int64 = 0
      var totalBytes: Int64 = 0
      for try await request in requests {
        self.change { $0.received += 1 }
        messages += 1
        totalBytes += Int64(request.body.count)
        if request.text == Self.deaf { try await Self.sleepUntilCancelled() }
        for size in request.sizes {
          try await responses.write(
            .init(
              body: [UInt8](repeating: 7, count: Int(size)), totalBytes: totalBytes,
              messages: messages))
        }
        try self.fail(request)
      }
    }
  }

  // MARK: what a test sees

  /// Returns when the handlers have come that far, or the test's time is over.
  func wait(until isTrue: @escaping @Sendable (Counts) -> Bool) async {
    let id = self.state.withLock { state in
      state.lastWatcher += 1
      return state.lastWatcher
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = self.state.withLock { state in
          guard !isTrue(state.counts), !Task.isCancelled else { return true }
          state.watchers[id] = (isTrue, continuation)
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      self.state.withLock { $0.watchers.removeValue(forKey: id) }?.1.resume()
    }
  }

  private func change(_ change: (inout State) -> Void) {
    let satisfied = self.state.withLock { state in
      change(&state)
      let counts = state.counts
      let satisfied = state.watchers.filter { $0.value.isTrue(counts) }
      for id in satisfied.keys {
        state.watchers[id] = nil
      }
      return satisfied.values.map(\.1)
    }
    for watcher in satisfied {
      watcher.resume()
    }
  }

  private func counting<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
    defer { self.change { $0.ended += 1 } }
    do {
      return try await body()
    } catch {
      if Task.isCancelled { self.change { $0.cancelled += 1 } }
      throw error
    }
  }

  private static func sleepUntilCancelled() async throws {
    try await Task.sleep(for: .seconds(3600))
  }

  private func fail(_ request: FramedrpcV1.StreamRequest) throws {
    guard request.failWith != 0 else { return }
    var metadata = RPCMetadata()
    try metadata.append("detail", "one")
    throw RPCError(
      RPCStatus(rawValue: UInt8(request.failWith)) ?? .unknown, request.text, metadata: metadata)
  }

  private func echoMetadata(_ context: RPCContext, _ call: RPCByteStream?) throws {
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
