import Contracts
import FramedRPC
import NIOCore
import NIOEmbedded
import Synchronization

/// The most calls at once, so that the heap they take has a bound that 8 times the bytes can have.
private let maxCalls = 8

/// Any bytes are a conversation: the server answers with whole frames or closes; when the peer is
/// gone, so are all handlers.
func fuzzServer(_ input: Input) {
  var input = input
  let mode = input.choice()
  let step = input.choice() + 1
  var bytes = ByteBuffer()
  switch mode & 3 {
  case 0: break
  case 1: bytes.writeBytes(Handshake.magic)
  case 2: Hello(maxFrameBytes: 0).write(into: &bytes)
  default:
    Hello(
      maxFrameBytes: 0,
      streaming: StreamingLimits(
        streamWindow: mode & 8 == 0 ? 1 << 20 : 0, connectionWindow: 0, maxMessageBytes: 0)
    ).write(into: &bytes)
  }
  bytes.writeBytes(mode & 4 == 0 ? input.array : withLengths(input.array))
  // Eight calls with an answer of 128 KiB each, encoded, and on its way.
  boundedHeap(bytes: bytes.readableBytes, floor: 4 * 1024 * 1024) {
    converse(bytes, step: step, drains: mode & 16 != 0)
  }
}

/// The same bytes with frames that end where the bytes end: the fuzzer hardly finds a frame's
/// length by chance.
private func withLengths(_ bytes: [UInt8]) -> [UInt8] {
  var bytes = bytes
  var start = 0
  while start + FrameHeader.byteCount <= bytes.count {
    let length = min(Int(bytes[start]), bytes.count - start - FrameHeader.byteCount)
    bytes.replaceSubrange(start..<start + 4, with: [UInt8(length), 0, 0, 0])
    start += FrameHeader.byteCount + length
  }
  return bytes
}

private let table: MethodTable = {
  do {
    return try MethodTable([
      FramedrpcV1.TestService.register(Handler(), on: .eventLoop),
      FramedrpcV1.StreamTestService.register(Handler(), on: .eventLoop),
    ])
  } catch {
    fatalError("\(error)")
  }
}()

private func converse(_ bytes: ByteBuffer, step: Int, drains: Bool) {
  let loop = EmbeddedEventLoop()
  let ends = Atomic(0)
  let limits = RPCLimits(
    maxFrameBytes: 0, maxConcurrentCalls: maxCalls, maxConnectionAge: .seconds(20))
  let connection = ServerConnection(
    loop: loop, limits: limits, table: table, handlerTasks: HandlerTasks(loop: loop),
    onEnd: { _ in ends.add(1, ordering: .relaxed) })
  let wire = CheckingWire(loop: loop, connection: connection)
  connection.attach(wire)
  var rest = bytes
  var pieces = 0
  while let piece = rest.readSlice(length: min(step, rest.readableBytes)), !wire.isClosed,
    piece.readableBytes > 0
  {
    connection.received(ByteBuffer(bytes: piece.readableBytesView))
    loop.run()
    pieces += 1
    if drains, pieces == 4 { connection.drain() }
  }
  // Deadlines, keepalive, the age and its grace.
  loop.advanceTime(by: .minutes(2))
  require(wire.isClosed, "the connection is open after its age and its grace")
  loop.run()
  let count = ends.load(ordering: .relaxed)
  require(count == 1, "the connection ended \(count) times, which must be once")
  wire.connection = nil
  do {
    try loop.syncShutdownGracefully()
  } catch {
    fatalError("FINDING: the loop does not end: \(error)")
  }
}

/// A wire whose other end reads everything at once, and checks it.
private final class CheckingWire: Wire {
  let queuedBytes = 0
  private(set) var isClosed = false
  private let loop: EmbeddedEventLoop
  /// The other direction; nil to end the cycle.
  var connection: ServerConnection?
  private var parser = FrameParser(maxFrameBytes: FrameHeader.maxLength)
  private var frames = 0

  init(loop: EmbeddedEventLoop, connection: ServerConnection) {
    self.loop = loop
    self.connection = connection
  }

  func write(_ bytes: ByteBuffer) {
    require(!self.isClosed, "bytes are written to a closed wire")
    self.parser.append(ByteBuffer(bytes: bytes.readableBytesView))
    do {
      while let frame = try self.parser.next() {
        self.frames += 1
        let type = frame.header.type
        require(
          self.frames > 1 || type == .settings || type == .goAway,
          "the first frame has type \(type.rawValue)")
      }
    } catch {
      fatalError("FINDING: the server sends what is no frame: \(error)")
    }
  }

  func write(_ bytes: ByteBuffer, whenWritten: @escaping @Sendable () -> Void) {
    self.write(bytes)
    self.loop.execute(whenWritten)
  }

  func setReading(_ reading: Bool) {}

  func close(within limit: TimeAmount) {
    guard !self.isClosed else { return }
    require(!self.parser.hasPartialFrame, "the last frame is cut off")
    self.isClosed = true
    let connection = self.connection
    self.loop.execute { connection?.wireClosed("closed") }
  }
}

/// Does what it is asked for, in bounds.
private struct Handler: FramedrpcV1.TestServiceHandler, FramedrpcV1.StreamTestServiceHandler {
  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    try Self.fail(request.failWith, request.text)
    return FramedrpcV1.EchoResponse(text: request.text, number: request.number)
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    for entry in context.metadata.entries {
      try context.appendTrailer(entry.key, entry.value)
    }
    return FramedrpcV1.ReflectResponse(everything: request.everything)
  }

  func download(
    _ request: FramedrpcV1.StreamRequest, _ responses: RPCWriter<FramedrpcV1.StreamResponse>,
    _ context: RPCContext
  ) async throws {
    try await Self.answer(request, responses)
  }

  func upload(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>, _ context: RPCContext
  ) async throws -> FramedrpcV1.StreamResponse {
    var answer = FramedrpcV1.StreamResponse()
    for try await request in requests {
      answer.messages += 1
      answer.totalBytes += Int64(request.body.count)
      try Self.fail(request.failWith, request.text)
    }
    return answer
  }

  func chat(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>,
    _ responses: RPCWriter<FramedrpcV1.StreamResponse>, _ context: RPCContext
  ) async throws {
    try responses.call.writeInitialMetadata(context.metadata)
    for try await request in requests {
      try await Self.answer(request, responses)
    }
  }

  /// Now and then more than one chunk, and more than the smallest window.
  private static func answer(
    _ request: FramedrpcV1.StreamRequest, _ responses: RPCWriter<FramedrpcV1.StreamResponse>
  ) async throws {
    for size in request.sizes.prefix(4) {
      let count = Int(size) & 0x1_FFFF
      try await responses.write(.init(body: [UInt8](repeating: 7, count: count)))
    }
    try Self.fail(request.failWith, request.text)
  }

  private static func fail(_ status: Int32, _ text: String) throws {
    guard status != 0 else { return }
    throw RPCError(UInt8(exactly: status).flatMap(RPCStatus.init) ?? .unknown, text)
  }
}
