import Contracts
import FramedRPC
import Storage

/// Events that could not be handled, and those after them about the same subject: the key is
/// parked, the others flow (trap T14).
enum ParkedEvents {
  static let isBehind = "an earlier event of the subject is parked"

  /// Parks the event too when an earlier one about its subject is parked.
  static func follows(_ event: EventsV1.Event, in connection: any SQLConnection) throws -> Bool {
    let isBehind = try connection.integer(
      "SELECT 1 FROM parked_event WHERE source = ? AND subject = ? LIMIT 1",
      [.text(event.source), .text(event.subject)])
    guard isBehind != nil else { return false }
    try Self.park(event, reason: Self.isBehind, in: connection)
    return true
  }

  static func park(
    _ event: EventsV1.Event, reason: String, in connection: any SQLConnection
  ) throws {
    try connection.execute(
      "INSERT INTO parked_event (source, sequence, subject, reason, event) VALUES (?, ?, ?, ?, ?)",
      [
        .text(event.source), .integer(event.sequence), .text(event.subject), .text(reason),
        .blob(try event.encodedBytes()),
      ])
  }

  static func count(of source: String, in connection: any SQLConnection) throws -> Int {
    Int(
      try connection.integer(
        "SELECT count(*) FROM parked_event WHERE source = ?", [.text(source)]) ?? 0)
  }

  /// The parked events of a source after `sequence`, the oldest first.
  static func next(
    of source: String, after sequence: Int64, atMost count: Int,
    in connection: any SQLConnection
  ) throws -> [ParkedEvent] {
    try connection.rows(
      """
      SELECT sequence, subject, event FROM parked_event
      WHERE source = ? AND sequence > ? ORDER BY sequence LIMIT ?
      """, [.text(source), .integer(sequence), .integer(Int64(count))]
    ).map {
      ParkedEvent(
        source: source, sequence: $0.integer(0), subject: $0.text(1), bytes: $0.blob(2))
    }
  }
}

/// A row of the parked events.
struct ParkedEvent {
  let source: String
  let sequence: Int64
  let subject: String
  let bytes: [UInt8]

  /// - Throws: `CodecError` when the row is no event.
  func event() throws -> EventsV1.Event {
    try EventsV1.Event(decoding: self.bytes)
  }

  func remove(in connection: any SQLConnection) throws {
    try connection.execute(
      "DELETE FROM parked_event WHERE source = ? AND sequence = ?",
      [.text(self.source), .integer(self.sequence)])
  }
}
