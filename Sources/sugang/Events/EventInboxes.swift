import ArgumentParser
import Contracts
import FramedRPC
import SugangServices

/// Reaches the event inboxes of running services.
struct EventInboxes: ParsableArguments {
  @OptionGroup var running: RunningServices

  /// The services that take events of others.
  static let services = ServiceDoors.withData

  var options: CallOptions { self.running.options }

  /// - Throws: ``CommandFailure`` that says what to do.
  func call<Answer>(
    _ service: ServiceName,
    _ body: (EventsV1.EventInboxServiceClient) async throws -> Answer
  ) async throws -> Answer {
    guard service != .gateway else {
      let names = Self.services.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure("the gateway takes no events; give one of \(names)")
    }
    return try await self.running.call(service) {
      try await body(EventsV1.EventInboxServiceClient($0))
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
