import Contracts
import Foundation
import FramedRPC
import FramedRPCTLS
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// The transports that must behave alike.
enum Transport: String, CaseIterable, CustomTestStringConvertible {
  case tcp, tls, unix, inProcess

  var testDescription: String { self.rawValue }

  private static let hosts = Atomic(0)

  /// An address that nobody else uses.
  func freshAddress() -> RPCAddress {
    switch self {
    case .tcp, .tls:
      // A host of its own: while a server is away, no other test's socket can take its port.
      let number = Self.hosts.add(1, ordering: .relaxed).newValue
      return .tcp(host: "127.1.\(number / 250 % 250).\(number % 250 + 1)", port: 0)
    case .unix:
      let name = "framed-rpc-\(UUID().uuidString.prefix(13)).sock"
      return .unix(path: FileManager.default.temporaryDirectory.appendingPathComponent(name).path)
    case .inProcess: return .inProcess("test", in: InProcessNetwork())
    }
  }

  /// The server is `pay` and takes calls of `course` only.
  func serverSecurity() throws -> (any ServerSecurity)? {
    guard self == .tls else { return nil }
    return TLSServer(try Certificates.credentials("pay"), clients: .named(["course"]))
  }

  func clientSecurity() throws -> (any ClientSecurity)? {
    guard self == .tls else { return nil }
    return TLSClient(try Certificates.credentials("course"), serverName: "pay")
  }
}

/// The certificates of these tests; see the README beside them.
enum Certificates {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Certificates").path

  static func files(_ name: String, of folder: String? = nil) -> TLSFiles {
    TLSFiles(
      roots: "\(Self.folder)/ca.pem",
      certificate: "\(Self.folder)/\(folder.map { "\($0)/" } ?? "")\(name).pem",
      key: "\(Self.folder)/\(folder.map { "\($0)/" } ?? "")\(name).key")
  }

  static func credentials(_ name: String) throws -> TLSCredentials {
    try TLSCredentials(Self.files(name))
  }
}

/// A running server and a client of it.
struct Endpoint: Sendable {
  let transport: Transport
  let address: RPCAddress
  let server: RPCServer
  let channel: RPCClient
  let handler: TestHandler

  var client: FramedrpcV1.TestServiceClient { FramedrpcV1.TestServiceClient(self.channel) }

  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  static func start(
    _ transport: Transport, limits: RPCLimits = .standard, clientLimits: RPCLimits = .standard,
    handler: TestHandler = TestHandler(), service: RPCService? = nil,
    execution: HandlerExecution = .eventLoop
  ) async throws -> Endpoint {
    let server = try Self.makeServer(
      transport, limits: limits, handler: handler, service: service, execution: execution)
    let address = try await server.listen(on: transport.freshAddress())
    return Endpoint(
      transport: transport, address: address, server: server,
      channel: RPCClient(
        address: address, group: Self.group, limits: clientLimits,
        security: try transport.clientSecurity()),
      handler: handler)
  }

  /// Another client of the same server.
  func anotherChannel() throws -> RPCClient {
    RPCClient(
      address: self.address, group: Self.group, security: try self.transport.clientSecurity())
  }

  static func makeServer(
    _ transport: Transport = .tcp, limits: RPCLimits = .standard,
    handler: TestHandler = TestHandler(),
    service: RPCService? = nil, execution: HandlerExecution = .eventLoop
  ) throws -> RPCServer {
    try RPCServer(
      services: [service ?? FramedrpcV1.TestService.register(handler, on: execution)],
      group: Self.group, limits: limits, security: try transport.serverSecurity())
  }

  func stop() async {
    self.channel.shutdown()
    await self.server.shutdown(grace: .zero)
    if case .unix(let path) = self.address {
      try? FileManager.default.removeItem(atPath: path)
    }
  }
}

/// Runs a test against a server of its own, and stops both ends whatever happens.
func withEndpoint(
  _ transport: Transport, limits: RPCLimits = .standard, clientLimits: RPCLimits = .standard,
  handler: TestHandler = TestHandler(), service: RPCService? = nil,
  execution: HandlerExecution = .eventLoop, _ body: (Endpoint) async throws -> Void
) async throws {
  let endpoint = try await Endpoint.start(
    transport, limits: limits, clientLimits: clientLimits, handler: handler, service: service,
    execution: execution)
  do {
    try await body(endpoint)
  } catch {
    await endpoint.stop()
    throw error
  }
  await endpoint.stop()
}

/// The ``RPCError`` that `body` throws, or nil when it throws none.
func rpcError(_ body: () async throws -> Void) async -> RPCError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? RPCError
  }
}
