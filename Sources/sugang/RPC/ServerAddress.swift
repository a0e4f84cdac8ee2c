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
    let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
    defer { client.shutdown() }
    do {
      return try await body(client)
    } catch let error as RPCError {
      throw CommandFailure(rpc: error, from: address)
    }
  }
}

extension CommandFailure {
  /// `STATUS (reason): message`, and the metadata below it.
  init(rpc error: RPCError, from address: RPCAddress) {
    let metadata = error.metadata.entries.filter { $0.key != "reason" }.map { entry in
      let value =
        String(validating: entry.value, as: UTF8.self) ?? "\(entry.value.count) bytes, not text"
      return "\n  \(entry.key): \(value)"
    }
    let hint =
      error.status == .unavailable && error.notProcessed
      ? "\n  does the server run at \(address)? 'sugang up' starts all of them" : ""
    self.init(error.description + metadata.joined() + hint)
  }
}
