import BenchKit
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import NIOPosix

/// grpc-swift-2 over its NIO transport, plaintext, all defaults, no deadline. Its messages are raw
/// bytes without protobuf, which spares it the encoding that the others do.
@main
enum GRPCSwiftPeer {
  static func main() async throws {
    let options = Options()
    guard !options.isServer else { return try await self.serve(options) }
    let transports = try (0..<(options.mode == "idle" ? options.connections : 1)).map { _ in
      try HTTP2ClientTransport.Posix(
        target: .ipv4(address: "127.0.0.1", port: options.port), transportSecurity: .plaintext)
    }
    let clients = transports.map { GRPCClient(transport: $0) }
    try await withThrowingTaskGroup { group in
      for client in clients {
        group.addTask { try await client.runConnections() }
      }
      for client in clients {
        try await EchoCaller(client, bytes: 64).call(delayMs: 0)
      }
      try await self.load(options, clients[0])
      for client in clients {
        client.beginGracefulShutdown()
      }
      try await group.waitForAll()
    }
  }

  private static func load(
    _ options: Options, _ client: GRPCClient<HTTP2ClientTransport.Posix>
  ) async throws {
    let caller = EchoCaller(client, bytes: options.bytes)
    let load: Load
    switch options.mode {
    case "idle":
      Talk.ready()
      try await Talk.forever()
    case "unary":
      load = Load(options)
      try await load.callAll(caller, on: nil)
    case "stream":
      load = Load(options)
      try await load.streamAll(caller, on: nil)
    case "rate":
      load = Load(options, slots: 1)
      let loop = MultiThreadedEventLoopGroup.singleton.next()
      try await load.callAtRate(caller, loop: loop, on: globalConcurrentExecutor)
    default: fail("no mode \(options.mode)")
    }
    await load.report()
  }

  private static func serve(_ options: Options) async throws {
    let transport = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: options.port), transportSecurity: .plaintext)
    let server = GRPCServer(transport: transport, services: [EchoService()])
    try await withThrowingTaskGroup { group in
      group.addTask { try await server.serve() }
      let address = try await transport.listeningAddress
      Talk.port(address.ipv4?.port ?? 0)
      try await Talk.forever()
    }
  }
}

/// What would be protobuf: 4 bytes of delay in milliseconds, 4 bytes of message count, padding to
/// the size asked for.
private struct Payload {
  static let headerBytes = 8

  var bytes: [UInt8]

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  init(count: Int, delayMs: Int32, messages: Int32) {
    self.bytes = [UInt8](repeating: 0x61, count: max(count, Self.headerBytes))
    for index in 0..<4 {
      self.bytes[index] = UInt8(truncatingIfNeeded: delayMs >> Int32(8 * index))
      self.bytes[4 + index] = UInt8(truncatingIfNeeded: messages >> Int32(8 * index))
    }
  }

  var delayMs: Int32 { self.number(at: 0) }
  var messages: Int32 { self.number(at: 4) }

  private func number(at offset: Int) -> Int32 {
    (0..<4).reduce(0) { $0 | Int32(self.bytes[offset + $1]) << Int32(8 * $1) }
  }
}

private struct Codec: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: Payload) throws -> Bytes {
    Bytes(message.bytes)
  }

  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Payload {
    Payload(bytes: bytes.withUnsafeBytes { [UInt8]($0) })
  }
}

private enum Methods {
  static let echo = MethodDescriptor(
    service: ServiceDescriptor(fullyQualifiedService: "bench.Bench"), method: "Echo")
  static let stream = MethodDescriptor(
    service: ServiceDescriptor(fullyQualifiedService: "bench.Bench"), method: "Stream")
}

private struct EchoService: RegistrableRPCService {
  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: Methods.echo, deserializer: Codec(), serializer: Codec()
    ) { request, _ in
      let message = try await ServerRequest(stream: request).message
      if message.delayMs > 0 {
        try await Task.sleep(for: .milliseconds(message.delayMs))
      }
      return StreamingServerResponse(single: ServerResponse(message: message))
    }
    router.registerHandler(
      forMethod: Methods.stream, deserializer: Codec(), serializer: Codec()
    ) { request, _ in
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse { writer in
        for _ in 0..<message.messages {
          try await writer.write(message)
        }
        return [:]
      }
    }
  }
}

private struct EchoCaller: Caller {
  private let client: GRPCClient<HTTP2ClientTransport.Posix>
  private let bytes: Int

  init(_ client: GRPCClient<HTTP2ClientTransport.Posix>, bytes: Int) {
    self.client = client
    self.bytes = bytes
  }

  @inline(__always)
  func call(delayMs: Int32) async throws {
    let response = try await self.client.unary(
      request: ClientRequest(message: Payload(count: self.bytes, delayMs: delayMs, messages: 1)),
      descriptor: Methods.echo, serializer: Codec(), deserializer: Codec(), options: .defaults
    ) { try $0.message }
    guard response.bytes.count == max(self.bytes, Payload.headerBytes) else {
      fail("not what was sent")
    }
  }

  func stream(messages: Int, receive: @Sendable () -> Void) async throws {
    let request = ClientRequest(
      message: Payload(count: self.bytes, delayMs: 0, messages: Int32(messages)))
    try await withoutActuallyEscaping(receive) { receive in
      try await self.client.serverStreaming(
        request: request, descriptor: Methods.stream, serializer: Codec(), deserializer: Codec(),
        options: .defaults
      ) { response in
        for try await _ in response.messages {
          receive()
        }
      }
    }
  }
}
