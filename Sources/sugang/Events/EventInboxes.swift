import ArgumentParser
import Contracts
import FramedRPC
import NIOPosix
import SugangServices

/// Reaches the event inboxes of running services.
struct EventInboxes: ParsableArguments {
  @Option(help: "Added to the services' ports (SUGANG_PORT_OFFSET; default: 0).")
  var portOffset: Int?

  @Option(help: "Where the services listen (SUGANG_HOST; default: 127.0.0.1).")
  var host: String?

  @Option(
    help: ArgumentHelp("How long to wait for an answer, such as 500ms or 5s.", valueName: "time"))
  var timeout = DurationArgument.seconds(20)

  @OptionGroup var tls: TLSOptions

  /// The services that take events of others.
  static let services = ServiceName.allCases.filter { $0 != .gateway }

  var options: CallOptions { CallOptions(timeout: self.timeout.duration) }

  /// - Throws: ``CommandFailure`` that says what to do.
  func call<Answer>(
    _ service: ServiceName,
    _ body: (EventsV1.EventInboxServiceClient) async throws -> Answer
  ) async throws -> Answer {
    guard service != .gateway else {
      let names = Self.services.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure("the gateway takes no events; give one of \(names)")
    }
    let address = try self.address(of: service)
    let client = RPCClient(
      address: address, group: MultiThreadedEventLoopGroup.singleton,
      security: try self.tls.security(to: address, of: service))
    defer { client.shutdown() }
    do {
      return try await body(EventsV1.EventInboxServiceClient(client.withToken()))
    } catch let error as RPCError {
      throw self.failure(error, service, address)
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

  private func failure(
    _ error: RPCError, _ service: ServiceName, _ address: RPCAddress
  ) -> CommandFailure {
    switch error.status {
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

/// Parked events as a table.
struct ParkedTable {
  private static let maxReason = 72

  private var table = TextTable(
    ("service", .left), ("source", .left), ("subject", .left), ("sequence", .right),
    ("type", .left), ("tries", .right), ("parked at", .left), ("event", .left),
    ("reason", .left))
  private(set) var isEmpty = true

  mutating func add(_ service: ServiceName, _ event: EventsV1.ParkedEvent) {
    self.isEmpty = false
    self.table.add(
      [
        service.rawValue, event.source, event.subject, "\(event.sequence)", event.type,
        "\(event.tries)", Self.wholeSeconds(event.parkedAt), event.id, event.reason,
      ].map(Self.cell))
  }

  var text: String { self.table.text }

  /// `2026-03-02T00:00:00Z`
  private static func wholeSeconds(_ time: String) -> String {
    time.split(separator: ".").first.map { $0.hasSuffix("Z") ? String($0) : "\($0)Z" } ?? ""
  }

  /// One line without anything that a terminal would obey.
  private static func cell(_ text: String) -> String {
    guard !text.isEmpty else { return "-" }
    let line = String(
      String.UnicodeScalarView(
        text.unicodeScalars.map {
          $0.properties.generalCategory == .control || $0.properties.generalCategory == .format
            ? " " : $0
        }))
    return line.count > Self.maxReason ? line.prefix(Self.maxReason - 1) + "…" : line
  }
}
