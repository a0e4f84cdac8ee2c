import Contracts
import Kernel
import Storage

/// Parked events that a person gave up: only their ids are kept, for whoever looks into it later.
enum SkippedEvents {
  static func add(
    _ event: SkippedEvent, at now: Timestamp, in connection: any SQLConnection
  ) throws {
    try connection.execute(
      """
      INSERT OR REPLACE INTO skipped_event
        (source, sequence, event_id, type, subject, skipped_at)
      VALUES (?, ?, ?, ?, ?, ?)
      """,
      [
        .text(event.source), .integer(event.sequence), .text(event.id), .text(event.type),
        .text(event.subject), .integer(now.microseconds),
      ])
  }

  /// The event with this id, if it was given up.
  static func event(
    id: String, source: String?, in connection: any SQLConnection
  ) throws -> SkippedEvent? {
    guard let sequence = ParkedEvents.sequence(ofID: id) else { return nil }
    return try connection.rows(
      """
      SELECT source, sequence, event_id, type, subject FROM skipped_event
      WHERE sequence = ? AND event_id = ?
      """, [.integer(sequence), .text(id)]
    ).map(SkippedEvent.init).first { source == nil || $0.source == source }
  }

  /// The last event about a subject that was given up.
  static func last(
    source: String, subject: String, in connection: any SQLConnection
  ) throws -> SkippedEvent? {
    try connection.row(
      """
      SELECT source, sequence, event_id, type, subject FROM skipped_event
      WHERE source = ? AND subject = ? ORDER BY sequence DESC LIMIT 1
      """, [.text(source), .text(subject)]
    ).map(SkippedEvent.init)
  }
}

/// The ids of an event that was given up.
struct SkippedEvent: Hashable, Sendable {
  let source: String
  let sequence: Int64
  /// Empty, as is ``type``, when the parked row was no event.
  let id: String
  let type: String
  let subject: String

  init(_ parked: ParkedEvent) {
    let event = try? parked.event()
    self.source = parked.source
    self.sequence = parked.sequence
    self.id = event?.id ?? ""
    self.type = event?.type ?? ""
    self.subject = parked.subject
  }

  init(_ row: SQLRow) {
    self.source = row.text(0)
    self.sequence = row.integer(1)
    self.id = row.text(2)
    self.type = row.text(3)
    self.subject = row.text(4)
  }
}
