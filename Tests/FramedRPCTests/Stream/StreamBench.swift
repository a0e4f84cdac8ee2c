import Contracts
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import FramedRPC

/// Hands the streams of its calls to the test, and returns when the test says so.
final class HeldStreams: FramedrpcV1.StreamTestServiceHandler {
  private struct State {
    var calls: [RPCByteStream] = []
    var contexts: [RPCContext] = []
    var cancelled: Set<Int> = []
    var returning: [Int: CheckedContinuation<Void, any Error>] = [:]
  }

  private let state = Mutex(State())

  /// The calls, in the order in which they came.
  var calls: [RPCByteStream] { self.state.withLock { $0.calls } }
  var contexts: [RPCContext] { self.state.withLock { $0.contexts } }
  var cancelled: Set<Int> { self.state.withLock { $0.cancelled } }

  /// Lets the handler of a call return.
  func end(_ number: Int = 0, throwing error: RPCError? = nil) {
    let returning = self.state.withLock { $0.returning.removeValue(forKey: number) }
    if let error {
      returning?.resume(throwing: error)
    } else {
      returning?.resume()
    }
  }

  func download(
    _ request: FramedrpcV1.StreamRequest, _ responses: RPCWriter<FramedrpcV1.StreamResponse>,
    _ context: RPCContext
  ) async throws {
    try await self.hold(responses.call, context)
  }

  func upload(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>, _ context: RPCContext
  ) async throws -> FramedrpcV1.StreamResponse {
    try await self.hold(requests.call, context)
    return FramedrpcV1.StreamResponse(messages: 1)
  }

  func chat(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>,
    _ responses: RPCWriter<FramedrpcV1.StreamResponse>, _ context: RPCContext
  ) async throws {
    try await self.hold(requests.call, context)
  }

  private func hold(_ call: RPCByteStream, _ context: RPCContext) async throws {
    let number = self.state.withLock { state in
      state.calls.append(call)
      state.contexts.append(context)
      return state.calls.count - 1
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = self.state.withLock { state in
          guard !state.cancelled.contains(number) else { return true }
          state.returning[number] = continuation
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      let returning = self.state.withLock { state in
        state.cancelled.insert(number)
        return state.returning.removeValue(forKey: number)
      }
      returning?.resume(throwing: CancellationError())
    }
  }
}

/// Something asynchronous that a test has begun on its loop, and its outcome once there is one.
///
/// `@unchecked Sendable`: touched only on the loop, which is the test's own thread.
final class Pending<Value: Sendable>: @unchecked Sendable {
  private(set) var outcome: Result<Value, any Error>?
  private(set) var task: Task<Void, Never>?

  /// - Parameter runs: whether the loop goes on until it has nothing to do.
  init(
    on loop: EmbeddedEventLoop, runs: Bool = true,
    _ body: @escaping @Sendable () async throws -> Value
  ) {
    self.task = Task.immediate(executorPreference: EventLoopTaskExecutor(loop: loop)) {
      do {
        self.outcome = .success(try await body())
      } catch {
        self.outcome = .failure(error)
      }
    }
    if runs { loop.run() }
  }

  var value: Value? { try? self.outcome?.get() }
  var isOver: Bool { self.outcome != nil }
  var error: RPCError? {
    if case .failure(let error) = self.outcome { error as? RPCError } else { nil }
  }
}

/// A server of streams on a recording wire.
struct StreamServer {
  let bench: ServerBench
  let held = HeldStreams()

  static let download: UInt16 = 0
  static let upload: UInt16 = 1
  static let chat: UInt16 = 2

  static let clientLimits = StreamingLimits(
    streamWindow: 256 * 1024, connectionWindow: 4 * 1024 * 1024, maxMessageBytes: 4 * 1024 * 1024)

  init(limits: RPCLimits = .standard, client: StreamingLimits = Self.clientLimits) throws {
    self.bench = try ServerBench(
      limits: limits,
      service: FramedrpcV1.StreamTestService.register(self.held, on: .eventLoop), greets: false)
    var hello = ByteBuffer()
    Hello(maxFrameBytes: 1024 * 1024, streaming: client).write(into: &hello)
    self.bench.receive(hello)
    _ = try self.bench.sent()
  }

  func receive(_ frames: Frame...) {
    for frame in frames {
      self.bench.receive(frame)
    }
  }

  /// Begins a call of Chat and returns its stream.
  func open(_ stream: StreamID = .slot(0), microseconds: UInt32 = 0) throws -> RPCByteStream {
    let count = self.held.calls.count
    self.receive(Frame(.request, code: Self.chat, stream: stream, aux: microseconds))
    try #require(self.held.calls.count == count + 1)
    return self.held.calls[count]
  }

  func pending<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) -> Pending<Value> {
    Pending(on: self.bench.loop, body)
  }

  func write(_ call: RPCByteStream, _ message: ByteBuffer) -> Pending<Void> {
    self.pending { try await call.write(message) }
  }

  func read(_ call: RPCByteStream) -> Pending<ByteBuffer?> {
    self.pending { try await call.next() }
  }

  /// What was sent since the last time, but for the PINGs that measure the round trip.
  func sent() throws -> [Frame] {
    try self.bench.sent().filter { $0.header.type != .ping }
  }
}

/// A client of streams on a recording wire.
struct StreamClient {
  let bench: ClientBench

  static let settings = Settings(
    maxFrameBytes: 1024 * 1024, maxConcurrentCalls: 100,
    methods: [
      FramedrpcV1.StreamTestService.download.fullName,
      FramedrpcV1.StreamTestService.upload.fullName,
      FramedrpcV1.StreamTestService.chat.fullName, FramedrpcV1.TestService.echo.fullName,
    ], streaming: StreamServer.clientLimits)

  init(limits: RPCLimits = .standard, settings: Settings = Self.settings) throws {
    self.bench = try ClientBench(limits: limits, settings: settings)
  }

  /// Begins a call.
  ///
  /// - Parameter request: the only one, which goes with REQUEST.
  func open(
    _ method: String = FramedrpcV1.StreamTestService.chat.fullName, request: ByteBuffer? = nil,
    metadata: RPCMetadata = RPCMetadata(), timeout: TimeAmount? = nil
  ) throws -> RPCByteStream {
    let messages = try self.bench.connection.open(
      ClientConnection.Call(
        RPCCall(method: method, request: request ?? ByteBuffer(), options: CallOptions()),
        metadata, timeout.map { self.bench.loop.now + $0 }, carriesRequest: request != nil))
    self.bench.loop.run()
    return RPCByteStream(messages, isClient: true)
  }

  func receive(_ frames: Frame...) {
    for frame in frames {
      self.bench.receive(frame)
    }
  }

  func write(_ call: RPCByteStream, _ message: ByteBuffer) -> Pending<Void> {
    Pending(on: self.bench.loop) { try await call.write(message) }
  }

  func read(_ call: RPCByteStream) -> Pending<ByteBuffer?> {
    Pending(on: self.bench.loop) { try await call.next() }
  }

  func sent() throws -> [Frame] {
    try self.bench.sent().filter { $0.header.type != .ping }
  }

  /// Why this end gave the connection up, as it told the server.
  func refusal() throws -> GoAwayReason? {
    guard let last = try self.sent().last, last.header.type == .goAway else { return nil }
    return try GoAway(from: last.body).reason
  }
}

extension Frame {
  static func data(
    _ text: String, _ flags: FrameFlags = .message, stream: StreamID = .slot(0)
  ) -> Frame {
    Frame(.data, flags: flags, stream: stream, body: ByteBuffer(string: text))
  }

  static func data(
    bytes: Int, _ flags: FrameFlags = .message, stream: StreamID = .slot(0)
  ) -> Frame {
    Frame(.data, flags: flags, stream: stream, body: ByteBuffer(repeating: 7, count: bytes))
  }

  static func firstChunk(total: UInt32, bytes: Int, stream: StreamID = .slot(0)) -> Frame {
    var body = ByteBuffer(integer: total, endianness: .little)
    body.writeRepeatingByte(7, count: bytes)
    return Frame(.data, flags: [.message, .more], stream: stream, body: body)
  }

  static func end(_ stream: StreamID = .slot(0)) -> Frame {
    Frame(.data, flags: .end, stream: stream)
  }

  /// A WINDOW of a stream; of the connection when it is nil.
  static func window(_ stream: StreamID?, _ limit: UInt64) -> Frame {
    Frame(
      .window, stream: stream ?? .connection, aux: stream == nil ? 1 : 0,
      body: ByteBuffer(integer: limit, endianness: .little))
  }

  static func ok(_ stream: StreamID = .slot(0)) -> Frame {
    Frame(.response, flags: .end, stream: stream)
  }

  /// The limit that a WINDOW says.
  var limit: UInt64? {
    guard self.header.type == .window else { return nil }
    return self.body.getInteger(at: self.body.readerIndex, endianness: .little)
  }

  /// What it costs of both windows.
  var cost: Int { DataLane.cost(of: self) }
}
