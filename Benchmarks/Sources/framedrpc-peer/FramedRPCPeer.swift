import BenchKit
import Contracts
import FramedRPC
import NIOCore
import NIOPosix

/// FramedRPC with async Swift handlers and generated stubs, protobuf messages, its default deadline
/// of 5 s on every call, one connection, one event loop on each side.
@main
enum FramedRPCPeer {
  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  static func main() async throws {
    let options = Options()
    guard !options.isServer else { return try await self.serve(options) }
    let loop = self.group.next()
    let executor: (any TaskExecutor)? = options.pool ? nil : EventLoopTaskExecutor(loop: loop)
    switch options.mode {
    case "decode": return try self.decode()
    case "idle":
      var clients: [RPCClient] = []
      for _ in 0..<options.connections {
        let client = self.client(options)
        try await EchoCaller(client, bytes: 1).call(delayMs: 0)
        clients.append(client)
      }
      Talk.ready()
      try await Talk.forever()
    default: break
    }
    let caller = EchoCaller(self.client(options), bytes: options.bytes)
    try await caller.call(delayMs: 0)
    let load: Load
    switch options.mode {
    case "unary":
      load = Load(options)
      try await load.callAll(caller, on: executor)
    case "stream":
      load = Load(options)
      try await load.streamAll(caller, on: executor)
    case "rate":
      load = Load(options, slots: 1)
      try await load.callAtRate(caller, loop: loop, on: executor)
    default: fail("no mode \(options.mode)")
    }
    await load.report()
  }

  private static func serve(_ options: Options) async throws {
    let execution: HandlerExecution = options.pool ? .sharedPool : .eventLoop
    let server = try RPCServer(
      services: [
        FramedrpcV1.TestService.register(EchoHandler(), on: execution),
        FramedrpcV1.StreamTestService.register(StreamHandler(), on: execution),
      ], group: self.group)
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: options.port))
    guard case .tcp(_, let port) = address else { fail("no port") }
    Talk.port(port)
    try await Talk.forever()
  }

  private static func client(_ options: Options) -> RPCClient {
    RPCClient(address: .tcp(host: "127.0.0.1", port: options.port), group: self.group)
  }

  /// Nanoseconds to decode the 40-byte request: into the struct of protobuf-c, in an arena, as the
  /// figures of libprotobuf-c are taken, and all the way into the Swift value.
  private static func decode() throws {
    let request = FramedrpcV1.EchoRequest(
      text: "a text as long as names are here", number: 123_456)
    let bytes = try request.encoded()
    let structs = DecodeLoop.nanoseconds(of: FramedrpcV1.EchoRequest.self, bytes)
    var sum = 0
    let start = now()
    for _ in 0..<DecodeLoop.rounds {
      let decoded = try FramedrpcV1.EchoRequest(decoding: bytes, limits: .standard)
      sum += Int(decoded.number) + decoded.text.utf8.count
    }
    let nanoseconds = Double(now() - start) / Double(DecodeLoop.rounds)
    print(
      "{\"bytes\":\(bytes.readableBytes),\"nanoseconds\":\(nanoseconds),"
        + "\"struct_nanoseconds\":\(structs),\"sum\":\(sum)}")
  }
}

private struct EchoCaller: Caller {
  private let client: FramedrpcV1.TestServiceClient
  private let streams: FramedrpcV1.StreamTestServiceClient
  private let text: String

  init(_ channel: RPCClient, bytes: Int) {
    self.client = FramedrpcV1.TestServiceClient(channel)
    self.streams = FramedrpcV1.StreamTestServiceClient(channel)
    self.text = String(repeating: "a", count: bytes)
  }

  @inline(__always)
  func call(delayMs: Int32) async throws {
    let response = try await self.client.echo(
      FramedrpcV1.EchoRequest(text: self.text, number: 123_456, delayMs: delayMs))
    guard response.text.utf8.count == self.text.utf8.count else { fail("not what was sent") }
  }

  func stream(messages: Int, receive: @Sendable () -> Void) async throws {
    let responses = try await self.streams.download(
      FramedrpcV1.StreamRequest(times: Int32(messages), body: Array(self.text.utf8)))
    for try await response in responses {
      guard response.body.count == self.text.utf8.count else { fail("not what was sent") }
      receive()
    }
  }
}

/// Answers what a service's simplest handler would.
private struct EchoHandler: FramedrpcV1.TestServiceHandler {
  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    if request.delayMs > 0 {
      try await Task.sleep(for: .milliseconds(request.delayMs))
    }
    return FramedrpcV1.EchoResponse(text: request.text, number: request.number)
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    FramedrpcV1.ReflectResponse(everything: request.everything)
  }
}

/// Sends the request's body back, as often as it says.
private struct StreamHandler: FramedrpcV1.StreamTestServiceHandler {
  func download(
    _ request: FramedrpcV1.StreamRequest, _ responses: RPCWriter<FramedrpcV1.StreamResponse>,
    _ context: RPCContext
  ) async throws {
    for number in 0..<request.times {
      try await responses.write(
        FramedrpcV1.StreamResponse(body: request.body, messages: Int64(number)))
    }
  }

  func upload(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>, _ context: RPCContext
  ) async throws -> FramedrpcV1.StreamResponse {
    throw RPCError(.unimplemented, "the race has server streams only")
  }

  func chat(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>,
    _ responses: RPCWriter<FramedrpcV1.StreamResponse>, _ context: RPCContext
  ) async throws {
    throw RPCError(.unimplemented, "the race has server streams only")
  }
}
