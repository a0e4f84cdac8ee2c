import Contracts
import FramedRPC
import NIOCore
import NIOEmbedded

/// A client's connection with a recording wire and a loop whose time is the test's.
final class ClientBench {
  /// A call that was made, and its outcome once there is one.
  final class PendingCall: @unchecked Sendable {
    fileprivate(set) var outcome: Result<ByteBuffer, any Error>?
    fileprivate(set) var task: Task<Void, Never>?

    func begin(
      _ method: String, _ request: ByteBuffer, on connection: ClientConnection,
      _ executor: EventLoopTaskExecutor, metadata: RPCMetadata = RPCMetadata(),
      deadline: NIODeadline? = nil, isCancelled: Bool = false
    ) {
      let call = RPCCall(method: method, request: request, options: CallOptions())
      self.task = Task.immediate(executorPreference: executor) {
        if isCancelled { withUnsafeCurrentTask { $0?.cancel() } }
        do {
          self.outcome = .success(try await connection.call(call, metadata, deadline))
        } catch {
          self.outcome = .failure(error)
        }
      }
    }

    var error: RPCError? {
      if case .failure(let error) = self.outcome { error as? RPCError } else { nil }
    }
    var message: ByteBuffer? {
      if case .success(let message) = self.outcome { message } else { nil }
    }
  }

  /// What the connection told its owner.
  final class Owner: @unchecked Sendable {
    fileprivate(set) var isReady = false
    fileprivate(set) var retired: RPCError?
  }

  let loop = EmbeddedEventLoop()
  let wire = RecordingWire()
  let owner = Owner()
  let connection: ClientConnection
  private let executor: EventLoopTaskExecutor

  static let settings = Settings(
    maxFrameBytes: 1024 * 1024, maxConcurrentCalls: 4,
    methods: [FramedrpcV1.TestService.echo.fullName],
    streaming: StreamingLimits(
      streamWindow: 256 * 1024, connectionWindow: 4 * 1024 * 1024,
      maxMessageBytes: 4 * 1024 * 1024))

  init(limits: RPCLimits = .standard, settings: Settings? = ClientBench.settings) throws {
    let owner = self.owner
    self.executor = EventLoopTaskExecutor(loop: self.loop)
    self.connection = ClientConnection(
      loop: self.loop, limits: limits, onReady: { _ in owner.isReady = true },
      onRetired: { _, error in owner.retired = error })
    self.connection.attach(self.wire)
    if let settings {
      var bytes = ByteBuffer()
      settings.write(into: &bytes)
      self.receive(bytes)
      _ = try self.sent()
    }
  }

  func receive(_ bytes: ByteBuffer) {
    self.connection.received(bytes)
    self.loop.run()
  }

  func receive(_ frame: Frame) {
    self.receive(frame.bytes)
  }

  func receive(_ goAway: GoAway) {
    var bytes = ByteBuffer()
    goAway.write(into: &bytes)
    self.receive(bytes)
  }

  func advance(by time: TimeAmount) {
    self.loop.advanceTime(by: time)
  }

  func sent() throws -> [Frame] {
    self.loop.run()
    return try self.wire.takeFrames()
  }

  func call(
    _ text: String = "hi", method: String = FramedrpcV1.TestService.echo.fullName,
    timeout: TimeAmount? = nil, metadata: RPCMetadata = RPCMetadata(), isCancelled: Bool = false
  ) -> PendingCall {
    defer { self.loop.run() }
    return self.begin(
      text, method: method, timeout: timeout, metadata: metadata, isCancelled: isCancelled)
  }

  /// Makes a call, and leaves the loop where it is.
  ///
  /// - Parameter isCancelled: whether the caller's task is cancelled before it calls.
  func begin(
    _ text: String, method: String = FramedrpcV1.TestService.echo.fullName,
    timeout: TimeAmount? = nil, metadata: RPCMetadata = RPCMetadata(), isCancelled: Bool = false
  ) -> PendingCall {
    let pending = PendingCall()
    pending.begin(
      method, (try? FramedrpcV1.EchoRequest(text: text).encoded()) ?? ByteBuffer(),
      on: self.connection, self.executor, metadata: metadata,
      deadline: timeout.map { self.loop.now + $0 }, isCancelled: isCancelled)
    return pending
  }

  func cancel(_ call: PendingCall) {
    call.task?.cancel()
    self.loop.run()
  }

  static func answer(
    _ stream: StreamID, status: RPCStatus = .ok, notProcessed: Bool = false,
    body: ByteBuffer = ByteBuffer()
  ) -> Frame {
    Frame(
      .response, flags: [.message, .end],
      code: UInt16(status.rawValue) | (notProcessed ? 0x100 : 0), stream: stream, body: body)
  }
}
