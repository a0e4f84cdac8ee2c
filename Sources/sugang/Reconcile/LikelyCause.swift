import Contracts
import FramedRPC
import SugangServices

/// Why a class's books may not agree: an event of it is parked, or somebody has not come so far.
struct LikelyCause {
  private let books: RunningBooks
  /// `gift is 7 events behind pay`, one a line.
  private let behind: [String]

  init(_ books: RunningBooks) async throws {
    self.books = books
    var ends: [String: Int64] = [:]
    var behind: [String] = []
    for service in ServiceDoors.withData {
      let cursors = try await books.ask(service) {
        try await EventsV1.EventInboxServiceClient($0).listCursors(.init(), options: $1).cursors
      }
      for cursor in cursors {
        guard let source = ServiceName(rawValue: cursor.source) else { continue }
        if ends[cursor.source] == nil {
          ends[cursor.source] = try await Self.end(of: source, books)
        }
        let missing = (ends[cursor.source] ?? 0) - cursor.sequence
        if missing > 0 {
          behind.append("\(service.rawValue) is \(missing) events behind \(cursor.source)")
        }
      }
    }
    self.behind = behind
  }

  /// The last sequence of a source's log.
  private static func end(of source: ServiceName, _ books: RunningBooks) async throws -> Int64 {
    try await books.ask(source) {
      try await EventsV1.EventFeedServiceClient($0).fetch(
        .init(after: 0, max: 1, waitMs: 0), options: $1
      ).lastSequence
    }
  }

  /// One line; says so when nothing explains it.
  func cause(of id: Int64) async throws -> String {
    for service in ServiceDoors.withData {
      let parked = try await self.books.ask(service) {
        try await EventsV1.EventInboxServiceClient($0).listParked(
          .init(subject: "class-\(id)", pageSize: 1), options: $1
        ).events.first
      }
      if let parked {
        return "\(service.rawValue) parked \(parked.type) of \(parked.source)"
      }
    }
    return self.behind.isEmpty
      ? "no event is parked or on its way: a store was changed or set back"
      : self.behind.joined(separator: ", ")
  }
}
