import ArgumentParser
import FramedRPC
import FramedRPCJSON
import JSON
import NIOCore
import NIOPosix
import SugangServices

/// ADDRESS and what belongs to it, as every command of `rpc` takes it.
struct ServerAddress: ParsableArguments {
  @Argument(
    help: "HOST:PORT, unix:PATH, or a service's name (pay, course, class, …).",
    completion: .list(Completion.addresses))
  var address: String

  @Option(help: "Added to the port of a service given by name (SUGANG_PORT_OFFSET; default: 0).")
  var portOffset: Int?

  @Option(
    help: ArgumentHelp(
      "How long to wait for the answer, such as 500ms (default: 5s; for ever for streams).",
      valueName: "time"))
  var timeout: DurationArgument?

  @OptionGroup var tls: TLSOptions

  func resolved() throws(CommandFailure) -> RPCAddress {
    try Self.resolved(self.address, portOffset: self.portOffset)
  }

  static func resolved(
    _ text: String, portOffset: Int?
  ) throws(CommandFailure) -> RPCAddress {
    if let name = ServiceName(rawValue: text) {
      let offset = portOffset ?? Environment["SUGANG_PORT_OFFSET"].flatMap { Int($0) } ?? 0
      return .tcp(host: "127.0.0.1", port: name.rpcPort + offset)
    }
    if let address = RPCAddress(text) { return address }
    let services = ServiceName.allCases.map(\.rawValue)
    if let near = Suggestion.nearest(to: text, in: services).first {
      throw CommandFailure("there is no service '\(text)'; did you mean \(near)?")
    }
    throw CommandFailure(
      "'\(text)' is no address; give HOST:PORT, unix:PATH or one of "
        + services.joined(separator: ", "))
  }

  /// Without metadata.
  var callOptions: CallOptions { CallOptions(timeout: self.timeout?.duration ?? .seconds(5)) }

  func makeClient(_ group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton)
    throws -> RPCClient
  {
    let address = try self.resolved()
    return RPCClient(
      address: address, group: group,
      security: try self.tls.security(to: address, of: ServiceName(rawValue: self.address)))
  }

  /// What goes through the channel carries the token, if there is one.
  func withChannel<Answer>(
    _ body: (any RPCChannel) async throws -> Answer
  ) async throws -> Answer {
    try await self.withClient { try await body(try $0.withToken()) }
  }

  func withClient<Answer>(
    _ body: (RPCClient) async throws -> Answer
  ) async throws -> Answer {
    let client = try self.makeClient()
    defer { client.shutdown() }
    do {
      return try await body(client)
    } catch let error as RPCError {
      throw CommandFailure(
        rpc: error, from: client.address, exitCode: CommandFailure.exitCode(of: error.status))
    }
  }
}

extension CommandFailure {
  /// `STATUS (reason): message`, the metadata below it, and what to do where that is known.
  init(rpc error: RPCError, from address: RPCAddress, exitCode: Int32 = 1) {
    let metadata = error.metadata.entries.filter { $0.key != "reason" }.map { entry in
      "\n  \(entry.key): \(Self.text(of: entry))"
    }
    let hint = Self.hint(error, address).map { "\n  \($0)" } ?? ""
    self.init(
      error.description + metadata.joined() + hint, exitCode: exitCode, rpc: error)
  }

  /// As grpcurl does it: the statuses from CANCELLED to UNAUTHENTICATED are 65 to 80.
  static func exitCode(of status: RPCStatus) -> Int32 { 64 + Int32(status.rawValue) }

  /// The same failure, for machines.
  init(asJSON failure: CommandFailure) {
    guard let error = failure.rpc else {
      self = failure
      return
    }
    let metadata = error.metadata.entries.filter { $0.key != "reason" }.map(Self.json)
    let json: JSONValue = [
      "status": .string(error.status.name), "code": .integer(Int(error.status.rawValue)),
      "reason": error.reason.map { .string($0) } ?? .null, "message": .string(error.message),
      "metadata": .array(metadata),
    ]
    self.init(json.text(.compact), exitCode: failure.exitCode, isJSON: true)
  }

  /// `{"key": …, "value": …}`, and `base64` instead of the value when that is no text.
  static func json(_ entry: RPCMetadata.Entry) -> JSONValue {
    if let text = String(validating: entry.value, as: UTF8.self), !entry.value.contains(0) {
      return ["key": .string(entry.key), "value": .string(text)]
    }
    return ["key": .string(entry.key), "base64": .string(Base64.encode(entry.value))]
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

  /// A value of metadata as one line.
  static func text(of entry: RPCMetadata.Entry) -> String {
    String(validating: entry.value, as: UTF8.self).map(Self.line)
      ?? "\(entry.value.count) bytes, not text"
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
