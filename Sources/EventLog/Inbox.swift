import Storage

/// Which events of one source were already handled, exactly and without a window of time.
///
/// Everything up to the cursor was, or is none of the consumer's business; events that came early
/// are rows above it, and go away when the cursor has caught up with them. Effect, rows and cursor
/// commit together (trap T9).
struct Inbox {
  private let source: String
  private let connection: any SQLConnection
  private let logID: String
  private(set) var cursor: Int64
  private let firstCursor: Int64
  /// Whether there are rows above the cursor: mostly there are none, and none are looked for.
  private var hasEarlyEvents: Bool

  /// - Throws: ``InboxError/otherLog(source:expected:found:)`` when the source's log is not the one
  ///   that the cursor counts in.
  init(source: String, logID: String, in connection: any SQLConnection) throws {
    self.source = source
    self.connection = connection
    self.logID = logID
    let position = try InboxPosition(of: source, in: connection)
    try position.check(logID: logID)
    self.cursor = position.sequence
    self.firstCursor = position.sequence
    self.hasEarlyEvents =
      try connection.integer(
        "SELECT 1 FROM inbox WHERE source = ? LIMIT 1", [.text(source)]) != nil
  }

  /// Marks the event as handled.
  ///
  /// - Returns: false when it was handled before.
  mutating func accept(_ sequence: Int64) throws -> Bool {
    guard sequence > self.cursor else { return false }
    if sequence == self.cursor + 1 {
      self.cursor = sequence
      try self.absorb()
      return true
    }
    try self.connection.execute(
      "INSERT OR IGNORE INTO inbox (source, sequence) VALUES (?, ?)",
      [.text(self.source), .integer(sequence)])
    self.hasEarlyEvents = true
    return self.connection.changedRows == 1
  }

  /// Marks everything up to `sequence` as handled: what was wanted of it was taken.
  mutating func advance(to sequence: Int64) throws {
    guard sequence > self.cursor else { return }
    self.cursor = sequence
    guard self.hasEarlyEvents else { return }
    try self.connection.execute(
      "DELETE FROM inbox WHERE source = ? AND sequence <= ?",
      [.text(self.source), .integer(sequence)])
    try self.absorb()
  }

  /// Events that came early and now touch the cursor.
  private mutating func absorb() throws {
    while self.hasEarlyEvents {
      try self.connection.execute(
        "DELETE FROM inbox WHERE source = ? AND sequence = ?",
        [.text(self.source), .integer(self.cursor + 1)])
      guard self.connection.changedRows == 1 else { return }
      self.cursor += 1
    }
  }

  /// Writes the cursor, if it moved.
  func save() throws {
    guard self.cursor != self.firstCursor else { return }
    try self.connection.execute(
      """
      INSERT INTO inbox_cursor (source, log_id, sequence) VALUES (?, ?, ?)
      ON CONFLICT (source) DO UPDATE SET sequence = excluded.sequence
      """, [.text(self.source), .text(self.logID), .integer(self.cursor)])
  }
}

/// Where a consumer stands in the log of one source.
package struct InboxPosition: Hashable, Sendable {
  package let source: String
  /// The log that ``sequence`` counts in; nil while nothing was taken from it.
  package let logID: String?
  /// Everything up to it was handled.
  package let sequence: Int64

  init(of source: String, in connection: any SQLConnection) throws {
    let row = try connection.row(
      "SELECT log_id, sequence FROM inbox_cursor WHERE source = ?", [.text(source)])
    self.source = source
    self.logID = row?.text(0)
    self.sequence = row?.integer(1) ?? 0
  }

  /// - Throws: ``InboxError/otherLog(source:expected:found:)``.
  func check(logID: String) throws(InboxError) {
    if let expected = self.logID, expected != logID {
      throw .otherLog(source: self.source, expected: expected, found: logID)
    }
  }

  /// - Throws: ``InboxError``: the log is not the one that was read until now, or lacks its end.
  func check(logID: String, lastSequence: Int64) throws(InboxError) {
    try self.check(logID: logID)
    guard lastSequence >= self.sequence else {
      throw .rolledBack(source: self.source, taken: self.sequence, last: lastSequence)
    }
  }
}

/// Why events of a source cannot be taken on; a person has to look.
package enum InboxError: Error, Hashable, Sendable {
  /// The source was given another data folder: its sequences mean other events now.
  case otherLog(source: String, expected: String, found: String)
  /// The source was given an older copy of its data: it lacks events that were taken already, and
  /// will give their sequences to others.
  case rolledBack(source: String, taken: Int64, last: Int64)
  /// The source's feed answers with other events than it was asked for, or not in their order.
  case disorder(source: String)
}

extension InboxError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .otherLog(let source, let expected, let found):
      "\(source) has another event log: \(found), until now \(expected)"
    case .rolledBack(let source, let taken, let last):
      "\(source) lost events: its log ends at \(last), taken up to \(taken)"
    case .disorder(let source): "\(source) answers with events out of their order"
    }
  }
}
