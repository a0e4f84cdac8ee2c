import Contracts
import FramedRPC
import SugangServices

/// Why a class's books may not agree: an event of it is parked, or somebody has not come so far.
struct LikelyCause {
  private let books: RunningBooks
  /// `gift has not taken event 57 of pay`, one a line.
  private let behind: [String]

  init(_ books: RunningBooks) async throws {
    self.books = books
    var behind: [String] = []
    for service in ServiceDoors.withData {
      let cursors = try await books.ask(service) {
        try await EventsV1.EventInboxServiceClient($0).listCursors(.init(), options: $1).cursors
      }
      for cursor in cursors {
        guard let source = ServiceName(rawValue: cursor.source) else { continue }
        if let next = try await Self.next(after: cursor, of: source, books) {
          behind.append("\(service.rawValue) has not taken event \(next) of \(cursor.source)")
        }
      }
    }
    self.behind = behind
  }

  /// The sequence of the first event after a cursor that its service wants; nil when it has all.
  private static func next(
    after cursor: EventsV1.EventCursor, of source: ServiceName, _ books: RunningBooks
  ) async throws -> Int64? {
    try await books.ask(source) {
      try await EventsV1.EventFeedServiceClient($0).fetch(
        .init(after: cursor.sequence, max: 1, waitMs: 0, types: cursor.types), options: $1
      ).events.first?.sequence
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
