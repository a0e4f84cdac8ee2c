import ArgumentParser
import FramedRPC
import NIOPosix
import SugangServices

/// ADDRESS and what belongs to it, as `rpc list` and `rpc call` take it.
struct ServerAddress: ParsableArguments {
  @Argument(help: "HOST:PORT, unix:PATH, or a service's name (pay, course, class, …).")
  var address: String

  @Option(help: "Added to the port of a service given by name (SUGANG_PORT_OFFSET; default: 0).")
  var portOffset: Int?

  @Option(
    help: ArgumentHelp("How long to wait for the answer, such as 500ms or 5s.", valueName: "time"))
  var timeout = DurationArgument.seconds(5)

  @OptionGroup var tls: TLSOptions

  func resolved() throws(CommandFailure) -> RPCAddress {
    if let name = ServiceName(rawValue: self.address) {
      return .tcp(host: "127.0.0.1", port: name.rpcPort + self.effectivePortOffset)
    }
    if let address = RPCAddress(self.address) { return address }
    let services = ServiceName.allCases.map(\.rawValue)
    if let near = Suggestion.nearest(to: self.address, in: services).first {
      throw CommandFailure("there is no service '\(self.address)'; did you mean \(near)?")
    }
    throw CommandFailure(
      "'\(self.address)' is no address; give HOST:PORT, unix:PATH or one of "
        + services.joined(separator: ", "))
  }

  private var effectivePortOffset: Int {
    self.portOffset ?? Environment["SUGANG_PORT_OFFSET"].flatMap { Int($0) } ?? 0
  }

  func withClient<Answer>(
    _ body: (RPCClient) async throws -> Answer
  ) async throws -> Answer {
    let address = try self.resolved()
    let client = RPCClient(
      address: address, group: MultiThreadedEventLoopGroup.singleton,
      security: try self.tls.security(to: address, of: ServiceName(rawValue: self.address)))
    defer { client.shutdown() }
    do {
      return try await body(client)
    } catch let error as RPCError {
      throw CommandFailure(rpc: error, from: address)
    }
  }
}

extension CommandFailure {
  /// `STATUS (reason): message`, the metadata below it, and what to do where that is known.
  init(rpc error: RPCError, from address: RPCAddress) {
    let metadata = error.metadata.entries.filter { $0.key != "reason" }.map { entry in
      let value =
        String(validating: entry.value, as: UTF8.self).map(Self.line)
        ?? "\(entry.value.count) bytes, not text"
      return "\n  \(entry.key): \(value)"
    }
    let hint = Self.hint(error, address).map { "\n  \($0)" } ?? ""
    self.init(error.description + metadata.joined() + hint)
  }

  private static func hint(_ error: RPCError, _ address: RPCAddress) -> String? {
    switch error.status {
    case .unavailable where error.message.hasSuffix(ProtocolViolation.http.message):
      guard case .tcp(let host, let port) = address else { return nil }
      let rpc = RPCAddress.tcp(host: host, port: port + ServiceName.rpcPortDistance)
      return "a service answers RPC at its REST port + \(ServiceName.rpcPortDistance); try \(rpc)"
    case .unavailable
    where error.message.contains("TLS") || error.message.contains("certificate"):
      return "SUGANG_TLS_DIRECTORY, or --tls-ca, --tls-cert, --tls-key and --tls-name, say how"
        + " this end proves who it is"
    case .unavailable where error.notProcessed:
      return "does the server run at \(address)? 'sugang up' starts all of them"
    case .unauthenticated: return "the token of the services goes in \(RPCToken.variable)"
    case .unimplemented: return "'sugang rpc list \(address)' shows what the server offers"
    default: return nil
    }
  }

  /// Text as one line: the field of a problem and its reason come with a line feed between them.
  private static func line(_ text: String) -> String {
    var line = ""
    for scalar in text.unicodeScalars {
      if scalar == "\n" {
        line += ": "
      } else if scalar.properties.generalCategory == .control {
        line += scalar.escaped(asASCII: true)
      } else {
        line.unicodeScalars.append(scalar)
      }
    }
    return line
  }
}
