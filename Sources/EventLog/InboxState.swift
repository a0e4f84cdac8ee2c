import Storage

/// What a consumer's database is made of, as one transaction sees it: for who builds the same again.
package struct InboxState: Hashable, Sendable {
  /// By source; of each that was asked for.
  package let positions: [String: InboxPosition]
  /// The sequences that had no effect, by source: parked events, and those that were given up.
  package let withheld: [String: Set<Int64>]
  /// Whether events above a position had their effect already: then the positions do not tell all.
  package let hasEarlyEvents: Bool

  package init(of sources: [String], in connection: any SQLConnection) throws {
    var positions: [String: InboxPosition] = [:]
    for source in sources { positions[source] = try InboxPosition(of: source, in: connection) }
    self.positions = positions
    let rows = try connection.rows(
      "SELECT source, sequence FROM parked_event UNION SELECT source, sequence FROM skipped_event")
    self.withheld = rows.reduce(into: [:]) { $0[$1.text(0), default: []].insert($1.integer(1)) }
    self.hasEarlyEvents = try connection.integer("SELECT 1 FROM inbox LIMIT 1") != nil
  }

  /// The last sequence of a source up to which everything was taken.
  package func sequence(of source: String) -> Int64 { self.positions[source]?.sequence ?? 0 }

  /// Lets the consumers take what came after this state once more: handlers bear repeats.
  ///
  /// Until they have, the database is made of more than the positions tell.
  ///
  /// - Returns: the state before; nil, and nothing is done, when one of those events was parked or
  ///   given up since: a repeat would park it again.
  package func rewind(in connection: any SQLConnection) throws -> InboxState? {
    let now = try InboxState(of: self.positions.keys.sorted(), in: connection)
    let stays = self.positions.keys.allSatisfy { source in
      (now.withheld[source] ?? []).allSatisfy { $0 <= self.sequence(of: source) }
    }
    guard stays else { return nil }
    for (source, position) in self.positions {
      try connection.execute(
        "UPDATE inbox_cursor SET sequence = ? WHERE source = ? AND sequence > ?",
        [.integer(position.sequence), .text(source), .integer(position.sequence)])
      try connection.execute(
        "DELETE FROM inbox WHERE source = ? AND sequence > ?",
        [.text(source), .integer(position.sequence)])
    }
    return now
  }
}
