import Contracts
import FramedRPC
import NIOCore
import Synchronization

/// Answers both test services as the conformance tests want it: repeated metadata at the beginning,
/// at the end and with errors, and calls that it holds until they are given up.
final class Conformer: FramedrpcV1.StreamTestServiceHandler, FramedrpcV1.TestServiceHandler {
  typealias Request = FramedrpcV1.StreamRequest
  typealias Response = FramedrpcV1.StreamResponse

  struct Counts: Hashable, Sendable {
    var started = 0
    var ended = 0
    var held = 0
    var cancelled = 0
    /// Requests read.
    var requests = 0
  }

  private struct State {
    var counts = Counts()
    var deadlines: [NIODeadline?] = []
    var watchers: [(isTrue: @Sendable (Counts) -> Bool, CheckedContinuation<Void, Never>)] = []
  }

  /// Asked for with this text, a call waits until it is cancelled.
  static let hold = "hold"
  /// The values of every key that is sent.
  static let twice = [Array("one".utf8), [0xAB, 0x00]]

  private let state = Mutex(State())

  var counts: Counts { self.state.withLock { $0.counts } }
  /// Those of the calls, in the order in which they came.
  var deadlines: [NIODeadline?] { self.state.withLock { $0.deadlines } }

  /// A caller's options that ask for everything twice.
  static func options() throws -> CallOptions {
    CallOptions(timeout: nil, metadata: try Self.metadata("x-request"))
  }

  private static func metadata(_ key: String) throws -> RPCMetadata {
    var metadata = RPCMetadata()
    for value in Self.twice {
      try metadata.append(key, value)
    }
    return metadata
  }

  // MARK: the services

  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    try await self.answering(context, nil) {
      try await self.take(Request(failWith: request.failWith, text: request.text))
      return FramedrpcV1.EchoResponse()
    }
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    FramedrpcV1.ReflectResponse(everything: request.everything)
  }

  func download(
    _ request: Request, _ responses: RPCWriter<Response>, _ context: RPCContext
  ) async throws {
    try await self.answering(context, responses.call) {
      try await self.take(request, responses)
    }
  }

  func upload(_ requests: RPCReader<Request>, _ context: RPCContext) async throws -> Response {
    try await self.answering(context, nil) {
      for try await request in requests {
        try await self.take(request)
      }
      return Response()
    }
  }

  func chat(
    _ requests: RPCReader<Request>, _ responses: RPCWriter<Response>, _ context: RPCContext
  ) async throws {
    try await self.answering(context, responses.call) {
      for try await request in requests {
        try await self.take(request, responses)
      }
    }
  }

  /// - Parameter call: nil when the answer has no beginning of its own.
  private func answering<Answer>(
    _ context: RPCContext, _ call: RPCByteStream?, _ body: () async throws -> Answer
  ) async throws -> Answer {
    self.change { $0.started += 1 }
    defer { self.change { $0.ended += 1 } }
    self.state.withLock { $0.deadlines.append(context.deadline) }
    if !context.metadata.values(of: "x-request").isEmpty {
      guard context.metadata.values(of: "x-request") == Self.twice else {
        throw RPCError(.invalidArgument, "the metadata did not arrive as it was sent")
      }
      try call?.writeInitialMetadata(try Self.metadata("x-initial"))
      for value in Self.twice {
        try context.appendTrailer("x-trailing", value)
      }
    }
    do {
      return try await body()
    } catch {
      if Task.isCancelled { self.change { $0.cancelled += 1 } }
      throw error
    }
  }

  private func take(_ request: Request, _ responses: RPCWriter<Response>? = nil) async throws {
    self.change { $0.requests += 1 }
    for size in request.sizes {
      try await responses?.write(Response(body: [UInt8](repeating: 7, count: Int(size))))
    }
    if request.text == Self.hold {
      self.change { $0.held += 1 }
      try await Task.sleep(for: .seconds(3600))
    }
    guard request.failWith != 0 else { return }
    throw RPCError(
      RPCStatus(rawValue: UInt8(clamping: request.failWith)) ?? .unknown, request.text,
      metadata: try Self.metadata("x-error"))
  }

  // MARK: what a test sees

  /// Returns when the handlers have come that far.
  func wait(until isTrue: @escaping @Sendable (Counts) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isTrueNow = self.state.withLock { state in
        guard !isTrue(state.counts) else { return true }
        state.watchers.append((isTrue, continuation))
        return false
      }
      if isTrueNow { continuation.resume() }
    }
  }

  private func change(_ change: (inout Counts) -> Void) {
    let satisfied = self.state.withLock { state in
      change(&state.counts)
      let counts = state.counts
      let satisfied = state.watchers.filter { $0.isTrue(counts) }.map(\.1)
      state.watchers.removeAll { $0.isTrue(counts) }
      return satisfied
    }
    for watcher in satisfied {
      watcher.resume()
    }
  }
}

/// Runs a test against a server of both services, and stops both ends whatever happens.
func withConformer(
  _ transport: Transport, limits: RPCLimits = .standard,
  _ body: (ConformingEndpoint) async throws -> Void
) async throws {
  let handler = Conformer()
  let server = try RPCServer(
    services: [
      FramedrpcV1.TestService.register(handler), FramedrpcV1.StreamTestService.register(handler),
    ], group: Endpoint.group, limits: limits, security: try transport.serverSecurity())
  let address = try await server.listen(on: transport.freshAddress())
  let endpoint = ConformingEndpoint(
    server: server, address: address,
    channel: RPCClient(
      address: address, group: Endpoint.group, security: try transport.clientSecurity()),
    handler: handler)
  let result: Result<Void, any Error>
  do {
    result = .success(try await body(endpoint))
  } catch {
    result = .failure(error)
  }
  endpoint.channel.shutdown()
  await server.shutdown(grace: .zero)
  try result.get()
}
