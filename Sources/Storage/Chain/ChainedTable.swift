/// An append-only table whose rows hold each other: every row has the hash of the one before it
/// and of itself in its column `hash`, so that a row that was changed, taken out, or moved shows
/// (F3: SQLite notices few of such changes, and none in its log).
///
/// The table needs the key, an INTEGER PRIMARY KEY that counts from 1 without a gap, the named
/// columns, and `hash BLOB NOT NULL`. A ``Migration`` with this table fills the hashes of rows that
/// are older than their chain.
///
/// Nothing is kept in memory between two rows: the last row is asked for each time, in the
/// transaction that appends, so that an undone append leaves nothing behind.
package struct ChainedTable: Hashable, Sendable {
  package let name: String
  /// What is hashed, after the key, in this order. Never changed: the hashes depend on it.
  package let columns: [String]
  private let key: String
  private let lastSQL: String
  private let linkSQL: String
  private let insertSQL: String
  private let sliceSQL: String
  private let fillSQL: String

  /// - Parameter key: the column that counts.
  package init(_ name: String, key: String = "sequence", columns: [String]) {
    let all = ([key] + columns + ["hash"]).joined(separator: ", ")
    let places = Array(repeating: "?", count: columns.count + 2).joined(separator: ", ")
    self.name = name
    self.columns = columns
    self.key = key
    self.lastSQL = "SELECT \(key), hash FROM \(name) ORDER BY \(key) DESC LIMIT 1"
    self.linkSQL = "SELECT \(key), hash FROM \(name) WHERE \(key) = ?"
    self.insertSQL = "INSERT INTO \(name) (\(all)) VALUES (\(places))"
    self.sliceSQL =
      "SELECT \(all) FROM \(name) WHERE \(key) > ? AND \(key) <= ? ORDER BY \(key) LIMIT ?"
    self.fillSQL = "UPDATE \(name) SET hash = ? WHERE \(key) = ?"
  }

  /// Adds a row behind the last one.
  ///
  /// - Parameter values: of ``columns``.
  /// - Returns: the new end of the chain.
  /// - Throws: ``ChainDamage`` when the last row has no hash to go on from; ``StorageError``.
  @discardableResult
  package func append(
    _ values: [SQLValue], in connection: any SQLConnection
  ) throws -> ChainLink {
    precondition(values.count == self.columns.count, "\(values.count) values for \(self.name)")
    let last = try self.end(in: connection)
    let sequence = last.sequence + 1
    let hash = RowHash.of(previous: last.hash, sequence: sequence, values)
    try connection.execute(self.insertSQL, [.integer(sequence)] + values + [.blob(hash)])
    return ChainLink(sequence: sequence, hash: hash)
  }

  /// The last row's link, unverified.
  package func end(in connection: any SQLConnection) throws -> ChainLink {
    guard let row = try connection.row(self.lastSQL) else { return .start }
    return try self.link(row)
  }

  /// A row's link, unverified; nil when there is no such row.
  package func link(
    at sequence: Int64, in connection: any SQLConnection
  ) throws -> ChainLink? {
    if sequence == 0 { return .start }
    return try connection.row(self.linkSQL, [.integer(sequence)]).map { try self.link($0) }
  }

  private func link(_ row: SQLRow) throws(ChainDamage) -> ChainLink {
    let sequence = row.integer(0)
    guard case .blob(let hash) = row[1], hash.count == RowHash.byteCount else {
      throw self.damage(sequence, .altered)
    }
    return ChainLink(sequence: sequence, hash: hash)
  }

  /// Rows after `link`: the key, ``columns``, the hash.
  func rows(
    after sequence: Int64, through last: Int64, limit: Int, in connection: any SQLConnection
  ) throws(StorageError) -> [SQLRow] {
    try connection.rows(
      self.sliceSQL, [.integer(sequence), .integer(last), .integer(Int64(limit))])
  }

  /// The hash that a row has as `sequence` behind `previous`, whatever its own key and hash are.
  func hash(of row: SQLRow, as sequence: Int64, behind previous: [UInt8]) -> [UInt8] {
    RowHash.of(
      previous: previous, sequence: sequence,
      (1...self.columns.count).lazy.map { row[$0] })
  }

  func damage(_ sequence: Int64, _ kind: ChainDamage.Kind) -> ChainDamage {
    ChainDamage(table: self.name, sequence: sequence, kind: kind)
  }

  /// Makes the chain for rows that are there already.
  func fill(in connection: any SQLConnection) throws {
    var last = ChainLink.start
    while true {
      let rows = try self.rows(
        after: last.sequence, through: .max, limit: Self.rowsAtOnce, in: connection)
      if rows.isEmpty { return }
      for row in rows {
        let sequence = row.integer(0)
        guard sequence == last.sequence + 1 else {
          throw self.damage(last.sequence + 1, .missing)
        }
        let hash = self.hash(of: row, as: sequence, behind: last.hash)
        try connection.execute(self.fillSQL, [.blob(hash), .integer(sequence)])
        last = ChainLink(sequence: sequence, hash: hash)
      }
    }
  }

  /// What the hashes depend on, for the fingerprint of a migration.
  var definition: String { "\(self.name) \(self.key) \(self.columns.joined(separator: " "))" }

  /// Rows held in memory at once.
  static let rowsAtOnce = 256
}
