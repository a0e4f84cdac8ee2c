import Contracts
import Foundation
import FramedRPC
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// The transports that must behave alike.
enum Transport: String, CaseIterable, CustomTestStringConvertible {
  case tcp, unix, inProcess

  var testDescription: String { self.rawValue }

  private static let hosts = Atomic(0)

  /// An address that nobody else uses.
  func freshAddress() -> RPCAddress {
    switch self {
    case .tcp:
      // A host of its own: while a server is away, no other test's socket can take its port.
      let number = Self.hosts.add(1, ordering: .relaxed).newValue
      return .tcp(host: "127.1.\(number / 250 % 250).\(number % 250 + 1)", port: 0)
    case .unix:
      let name = "framed-rpc-\(UUID().uuidString.prefix(13)).sock"
      return .unix(path: FileManager.default.temporaryDirectory.appendingPathComponent(name).path)
    case .inProcess: return .inProcess("test", in: InProcessNetwork())
    }
  }
}

/// A running server and a client of it.
struct Endpoint: Sendable {
  let address: RPCAddress
  let server: RPCServer
  let channel: RPCClient
  let handler: TestHandler

  var client: FramedrpcV1.TestServiceClient { FramedrpcV1.TestServiceClient(self.channel) }

  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  static func start(
    _ transport: Transport, limits: RPCLimits = .standard, clientLimits: RPCLimits = .standard,
    handler: TestHandler = TestHandler(), service: RPCService? = nil,
    execution: HandlerExecution = .eventLoop, admission: AdmissionPolicy? = nil
  ) async throws -> Endpoint {
    let server = try Self.makeServer(
      limits: limits, handler: handler, service: service, execution: execution,
      admission: admission)
    let address = try await server.listen(on: transport.freshAddress())
    return Endpoint(
      address: address, server: server,
      channel: RPCClient(address: address, group: Self.group, limits: clientLimits),
      handler: handler)
  }

  static func makeServer(
    limits: RPCLimits = .standard, handler: TestHandler = TestHandler(),
    service: RPCService? = nil, execution: HandlerExecution = .eventLoop,
    admission: AdmissionPolicy? = nil
  ) throws -> RPCServer {
    try RPCServer(
      services: [service ?? FramedrpcV1.TestService.register(handler, on: execution)],
      group: Self.group, limits: limits, admission: admission)
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
  execution: HandlerExecution = .eventLoop, admission: AdmissionPolicy? = nil,
  _ body: (Endpoint) async throws -> Void
) async throws {
  let endpoint = try await Endpoint.start(
    transport, limits: limits, clientLimits: clientLimits, handler: handler, service: service,
    execution: execution, admission: admission)
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
