import Storage

/// Which events of one source were already handled, exactly and without a window of time.
///
/// Everything up to the cursor was; events that came early are rows above it, and go away when the
/// cursor has caught up with them. Effect, rows and cursor commit together (trap T9).
struct Inbox {
  private let source: String
  private let connection: any SQLConnection
  private let logID: String
  private(set) var cursor: Int64
  private let firstCursor: Int64

  /// - Throws: ``InboxError/otherLog(source:expected:found:)`` when the source's log is not the one
  ///   that the cursor counts in.
  init(source: String, logID: String, in connection: any SQLConnection) throws {
    self.source = source
    self.connection = connection
    self.logID = logID
    let row = try connection.row(
      "SELECT log_id, sequence FROM inbox_cursor WHERE source = ?", [.text(source)])
    if let row, row.text(0) != logID {
      throw InboxError.otherLog(source: source, expected: row.text(0), found: logID)
    }
    self.cursor = row?.integer(1) ?? 0
    self.firstCursor = self.cursor
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
    return self.connection.changedRows == 1
  }

  /// Events that came early and now touch the cursor.
  private mutating func absorb() throws {
    while true {
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

/// Why events of a source cannot be taken on.
package enum InboxError: Error, Hashable, Sendable {
  /// The source was given another data folder: its sequences mean other events now.
  case otherLog(source: String, expected: String, found: String)
}
