import ArgumentParser
import Contracts
import FramedRPC
import NIOPosix
import SugangServices

/// Reaches the RPC ports of running services.
struct ServiceDoors: ParsableArguments {
  @Option(help: "Added to the services' ports (SUGANG_PORT_OFFSET; default: 0).")
  var portOffset: Int?

  @Option(help: "Where the services listen (SUGANG_HOST; default: 127.0.0.1).")
  var host: String?

  @OptionGroup var tls: TLSOptions

  /// The services that have data of their own.
  static let withData = ServiceName.allCases.filter { $0 != .gateway }

  /// - Throws: ``CommandFailure`` that says what to do.
  func call<Answer>(
    _ service: ServiceName, _ body: (any RPCChannel) async throws -> Answer
  ) async throws -> Answer {
    let door = try self.open(service)
    defer { door.close() }
    return try await door.call(body)
  }

  /// A connection for more than one call; whoever opens it closes it.
  ///
  /// - Throws: ``CommandFailure`` that says what to do.
  func open(_ service: ServiceName) throws -> OpenDoor {
    let address = try self.address(of: service)
    let client = RPCClient(
      address: address, group: MultiThreadedEventLoopGroup.singleton,
      security: try self.tls.security(to: address, of: service))
    do {
      return OpenDoor(
        service: service, address: address, client: client, channel: try client.withToken())
    } catch {
      client.shutdown()
      throw error
    }
  }

  private func address(of service: ServiceName) throws(CommandFailure) -> RPCAddress {
    let given = self.portOffset.map { "\($0)" } ?? Environment["SUGANG_PORT_OFFSET"] ?? "0"
    guard let offset = Int(given), (0...50_000).contains(offset) else {
      throw CommandFailure("the port offset is from 0 to 50000, not \(given)")
    }
    let host = self.host ?? Environment["SUGANG_HOST"] ?? ""
    return .tcp(
      host: ["0.0.0.0", "::", ""].contains(host) ? "127.0.0.1" : host,
      port: service.rpcPort + offset)
  }
}

/// A connection to one service.
struct OpenDoor {
  let service: ServiceName
  fileprivate let address: RPCAddress
  fileprivate let client: RPCClient
  fileprivate let channel: any RPCChannel

  /// - Throws: ``CommandFailure`` that says what to do.
  func call<Answer>(_ body: (any RPCChannel) async throws -> Answer) async throws -> Answer {
    do {
      return try await body(self.channel)
    } catch let error as RPCError {
      throw self.failure(error)
    }
  }

  func close() {
    self.client.shutdown()
  }

  private func failure(_ error: RPCError) -> CommandFailure {
    let service = self.service
    let address = self.address
    return switch error.status {
    case .notFound, .invalidArgument, .failedPrecondition:
      CommandFailure("\(service.rawValue): \(error.message)")
    case .unimplemented:
      CommandFailure("\(service.rawValue) at \(address) is of a version without this command")
    case .unavailable where error.notProcessed:
      CommandFailure(
        """
        \(service.rawValue) does not answer at \(address)
          'sugang ps' shows what runs, 'sugang start \(service.rawValue)' starts it
        """)
    default: CommandFailure(rpc: error, from: address)
    }
  }
}
