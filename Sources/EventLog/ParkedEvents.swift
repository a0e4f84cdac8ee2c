import Contracts
import FramedRPC
import Kernel
import Storage

/// Events that could not be handled, and those after them about the same subject: the key is
/// parked, the others flow (trap T14).
enum ParkedEvents {
  static let isBehind = "an earlier event of the subject is parked"

  /// Which parked events are meant.
  struct Key: Sendable {
    /// nil means all.
    var source: String?
    /// nil means all.
    var subject: String?

    fileprivate var condition: String {
      (self.source == nil ? "" : " AND source = ?")
        + (self.subject == nil ? "" : " AND subject = ?")
    }

    fileprivate var arguments: [SQLValue] {
      [self.source, self.subject].compactMap { $0.map { .text($0) } }
    }
  }

  /// Parks the event too when an earlier one about its subject is parked.
  static func follows(
    _ event: EventsV1.Event, at now: @autoclosure () -> Timestamp,
    in connection: any SQLConnection
  ) throws -> Bool {
    let isBehind = try connection.integer(
      "SELECT 1 FROM parked_event WHERE source = ? AND subject = ? LIMIT 1",
      [.text(event.source), .text(event.subject)])
    guard isBehind != nil else { return false }
    try Self.park(event, reason: Self.isBehind, tries: 0, at: now(), in: connection)
    return true
  }

  static func park(
    _ event: EventsV1.Event, reason: String, tries: Int, at now: Timestamp,
    in connection: any SQLConnection
  ) throws {
    try connection.execute(
      """
      INSERT INTO parked_event (source, sequence, subject, reason, event, parked_at, tries)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .text(event.source), .integer(event.sequence), .text(event.subject), .text(reason),
        .blob(try event.encodedBytes()), .integer(now.microseconds), .integer(Int64(tries)),
      ])
  }

  static func count(_ key: Key, in connection: any SQLConnection) throws -> Int {
    Int(
      try connection.integer(
        "SELECT count(*) FROM parked_event WHERE TRUE\(key.condition)", key.arguments) ?? 0)
  }

  private static let columns = "source, sequence, subject, reason, event, parked_at, tries"

  /// The parked events of one source after `sequence`, the oldest first.
  static func next(
    _ key: Key, after sequence: Int64, atMost count: Int, in connection: any SQLConnection
  ) throws -> [ParkedEvent] {
    try connection.rows(
      """
      SELECT \(Self.columns) FROM parked_event
      WHERE TRUE\(key.condition) AND sequence > ? ORDER BY sequence LIMIT ?
      """, key.arguments + [.integer(sequence), .integer(Int64(count))]
    ).map(ParkedEvent.init)
  }

  /// The parked events after a place, by source and sequence.
  static func page(
    _ key: Key, after place: ParkedPlace, atMost count: Int, in connection: any SQLConnection
  ) throws -> [ParkedEvent] {
    try connection.rows(
      """
      SELECT \(Self.columns) FROM parked_event
      WHERE TRUE\(key.condition) AND (source, sequence) > (?, ?)
      ORDER BY source, sequence LIMIT ?
      """,
      key.arguments + [.text(place.source), .integer(place.sequence), .integer(Int64(count))]
    ).map(ParkedEvent.init)
  }

  /// The first parked event of each subject, by source and sequence.
  static func blocking(
    _ key: Key, atMost count: Int, in connection: any SQLConnection
  ) throws -> [ParkedEvent] {
    try connection.rows(
      """
      SELECT \(Self.columns) FROM parked_event AS one
      WHERE TRUE\(key.condition) AND NOT EXISTS (
        SELECT 1 FROM parked_event AS other
        WHERE other.source = one.source AND other.subject = one.subject
          AND other.sequence < one.sequence)
      ORDER BY source, sequence LIMIT ?
      """, key.arguments + [.integer(Int64(count))]
    ).map(ParkedEvent.init)
  }

  /// The event with this id, whose last part is its sequence.
  static func event(
    id: String, source: String?, in connection: any SQLConnection
  ) throws -> ParkedEvent? {
    guard let sequence = Self.sequence(ofID: id) else { return nil }
    let key = Key(source: source)
    return try connection.rows(
      "SELECT \(Self.columns) FROM parked_event WHERE TRUE\(key.condition) AND sequence = ?",
      key.arguments + [.integer(sequence)]
    ).map(ParkedEvent.init).first { (try? $0.event())?.id == id }
  }

  static func sequence(ofID id: String) -> Int64? {
    id.split(separator: "-").last.flatMap { Int64($0) }
  }
}

/// A place in the list of all parked events of a service.
struct ParkedPlace: Hashable, Sendable {
  static let start = ParkedPlace(source: "", sequence: 0)

  let source: String
  let sequence: Int64
}

/// A row of the parked events.
struct ParkedEvent: Sendable {
  let source: String
  let sequence: Int64
  let subject: String
  let reason: String
  let bytes: [UInt8]
  /// nil when it was parked by a version that did not note it.
  let parkedAt: Timestamp?
  let tries: Int64

  init(_ row: SQLRow) {
    self.source = row.text(0)
    self.sequence = row.integer(1)
    self.subject = row.text(2)
    self.reason = row.text(3)
    self.bytes = row.blob(4)
    self.parkedAt = row.integer(5) == 0 ? nil : Timestamp(microseconds: row.integer(5))
    self.tries = row.integer(6)
  }

  var place: ParkedPlace { ParkedPlace(source: self.source, sequence: self.sequence) }

  /// Whether it could not be handled itself, rather than waits for another one.
  var hasFailed: Bool { self.reason != ParkedEvents.isBehind }

  /// - Throws: `CodecError` when the row is no event.
  func event() throws -> EventsV1.Event {
    try EventsV1.Event(decoding: self.bytes)
  }

  func remove(in connection: any SQLConnection) throws {
    try connection.execute(
      "DELETE FROM parked_event WHERE source = ? AND sequence = ?",
      [.text(self.source), .integer(self.sequence)])
  }

  /// It could not be handled again.
  func noteFailure(_ reason: String, in connection: any SQLConnection) throws {
    try connection.execute(
      """
      UPDATE parked_event SET reason = ?, tries = tries + 1 WHERE source = ? AND sequence = ?
      """, [.text(reason), .text(self.source), .integer(self.sequence)])
  }
}
