import Storage
import Testing

@Suite("A chained table", .timeLimit(.minutes(1)))
struct ChainTests {
  static let table = ChainedTable("entry", columns: ["note", "amount", "data"])
  static let schema = Migration(
    name: "entries",
    sql: """
      CREATE TABLE entry (
        sequence INTEGER PRIMARY KEY, note TEXT, amount INTEGER, data BLOB, hash BLOB NOT NULL
      ) STRICT;
      """)

  private static func append(_ count: Int, _ database: SQLiteDatabase) async throws {
    try await database.write { connection in
      for number in 0..<count {
        try Self.table.append(
          [.text("note \(number)"), .integer(Int64(number)), .blob([UInt8(number & 255)])],
          in: connection)
      }
    }
  }

  private static func verify(
    _ database: SQLiteDatabase, mark: ChainLink? = nil
  ) async throws -> (end: ChainLink, damage: ChainDamage?) {
    try await database.read { try Self.table.verify(in: $0, mark: mark) }
  }

  /// A chain of 600 rows, changed by `edit`; what `verify` finds then.
  private static func damage(
    mark: ChainLink? = nil, _ edits: String...
  ) async throws -> ChainDamage? {
    var found: ChainDamage?
    try await TestDatabase.opened([self.schema]) { database in
      try await self.append(600, database)
      try await database.write { connection in
        for edit in edits { try connection.execute(edit) }
      }
      let (end, damage) = try await self.verify(database, mark: mark)
      if let damage { #expect(end.sequence == damage.sequence - (damage.kind == .forked ? 0 : 1)) }
      found = damage
    }
    return found
  }

  @Test("verifies as it was appended, also over several commits and after an undone step")
  func intact() async throws {
    try await TestDatabase.opened([Self.schema]) { database in
      struct Undo: Error {}
      #expect(try await Self.verify(database).end == .start)
      try await Self.append(300, database)
      try await database.write { connection in
        try? connection.attempt {
          try Self.table.append(["undone", 1, .null], in: connection)
          throw Undo()
        }
        try Self.table.append([.null, .null, .null], in: connection)
      }
      await #expect(throws: Undo.self) {
        try await database.write { connection in
          try Self.table.append(["undone", 1, .null], in: connection)
          throw Undo()
        }
      }
      try await Self.append(1, database)
      let (end, damage) = try await Self.verify(database)
      #expect(damage == nil)
      #expect(end.sequence == 302)
      #expect(try await database.read { try Self.table.end(in: $0) } == end)
    }
  }

  @Test("the hash is SHA-256 over what the documentation says")
  func format() async throws {
    // printf of 32 zero bytes, 00000004, 01 + 8 bytes, 02 + 8 bytes + "a", 00, 03 + 8 bytes + ff,
    // piped through sha256sum.
    let expected = "fc4cf49ab3822593454e8f2876d63ed7dc00fbfd63c523236616c851c2ada484"
    try await TestDatabase.opened([Self.schema]) { database in
      let link = try await database.write { connection in
        try Self.table.append(["a", .null, .blob([0xFF])], in: connection)
      }
      #expect(Hex.text(link.hash) == expected)
      #expect(Hex.bytes(expected) == link.hash)
    }
  }

  @Test("values that look alike have hashes of their own")
  func unambiguous() async throws {
    let rows: [[SQLValue]] = [
      ["ab", .null, .blob([])], ["a", .null, .blob([])], ["", .null, .blob([])],
      [.null, .null, .blob([])], ["", 0, .blob([])], ["", .null, .null],
      ["\u{0}", .null, .blob([])], ["", 1, .blob([])], ["", 256, .blob([])], ["", -1, .blob([])],
      ["a", .null, .blob([0])], ["", .null, .blob([97])], ["", .null, .blob([0, 0])],
    ]
    var hashes: Set<[UInt8]> = []
    for row in rows {
      try await TestDatabase.opened([Self.schema]) { database in
        let link = try await database.write { try Self.table.append(row, in: $0) }
        hashes.insert(link.hash)
      }
    }
    #expect(hashes.count == rows.count)
  }

  @Test(
    "a changed row is named, whatever was changed in it",
    arguments: [
      "note = 'other'", "note = NULL", "note = note || ' '", "amount = amount + 1",
      "amount = NULL", "data = x'00ff'", "data = NULL", "hash = x''", "hash = zeroblob(32)",
    ])
  func altered(_ change: String) async throws {
    let damage = try await Self.damage("UPDATE entry SET \(change) WHERE sequence = 444")
    #expect(damage == ChainDamage(table: "entry", sequence: 444, kind: .altered))
  }

  @Test("of several changed rows the first is named")
  func first() async throws {
    let damage = try await Self.damage("UPDATE entry SET amount = -1 WHERE sequence IN (9, 300, 1)")
    #expect(damage == ChainDamage(table: "entry", sequence: 1, kind: .altered))
  }

  @Test("a missing row is named", arguments: [1, 2, 256, 257, 599])
  func missing(_ sequence: Int64) async throws {
    let damage = try await Self.damage("DELETE FROM entry WHERE sequence = \(sequence)")
    #expect(damage == ChainDamage(table: "entry", sequence: sequence, kind: .missing))
  }

  @Test("rows that changed places are named, with or without their hashes")
  func reordered() async throws {
    let moved = try await Self.damage(
      "UPDATE entry SET sequence = 1000 WHERE sequence = 20",
      "UPDATE entry SET sequence = 20 WHERE sequence = 500",
      "UPDATE entry SET sequence = 500 WHERE sequence = 1000")
    #expect(moved == ChainDamage(table: "entry", sequence: 20, kind: .reordered(liesAt: 500)))
    let rewritten = try await Self.damage(
      "UPDATE entry SET note = 'note 20', amount = 20, data = x'14' WHERE sequence = 20",
      "UPDATE entry SET note = 'note 19', amount = 19, data = x'13' WHERE sequence = 21")
    #expect(rewritten == ChainDamage(table: "entry", sequence: 20, kind: .reordered(liesAt: 21)))
  }

  @Test("rows cut off at the end, and another history, show against a mark")
  func mark() async throws {
    try await TestDatabase.opened([Self.schema]) { database in
      try await Self.append(600, database)
      let mark = try #require(try await database.read { try Self.table.link(at: 550, in: $0) })
      #expect(try await Self.verify(database, mark: mark).damage == nil)
      let fork = ChainLink(sequence: 550, hash: [UInt8](repeating: 7, count: 32))
      #expect(
        try await Self.verify(database, mark: fork).damage
          == ChainDamage(table: "entry", sequence: 550, kind: .forked))
      try await database.write { try $0.execute("DELETE FROM entry WHERE sequence > 500") }
      #expect(
        try await Self.verify(database, mark: mark).damage
          == ChainDamage(table: "entry", sequence: 501, kind: .cutOff(committedThrough: 550)))
      #expect(try await Self.verify(database).damage == nil)
    }
  }

  @Test("a walk hands out nothing from the first bad row on")
  func walk() async throws {
    try await TestDatabase.opened([Self.schema]) { database in
      try await Self.append(600, database)
      try await database.write {
        try $0.execute("UPDATE entry SET amount = -1 WHERE sequence = 400")
      }
      let seen = try await database.read { connection in
        var seen: [Int64] = []
        #expect(throws: ChainDamage(table: "entry", sequence: 400, kind: .altered)) {
          try Self.table.walk(after: .start, in: connection) { row in
            seen.append(row.integer(0))
            return true
          }
        }
        return seen
      }
      #expect(seen == Array(1..<400))
    }
  }

  @Test("a migration gives rows that are there already their hashes")
  func migration() async throws {
    let before = Migration(
      name: "before",
      sql: """
        CREATE TABLE entry (
          sequence INTEGER PRIMARY KEY, note TEXT, amount INTEGER, data BLOB
        ) STRICT;
        WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 700)
        INSERT INTO entry (note, amount, data) SELECT 'old ' || n, n, x'aa' FROM number;
        """)
    let after = Migration(
      name: "after", sql: "ALTER TABLE entry ADD COLUMN hash BLOB NOT NULL DEFAULT x''",
      chained: Self.table)
    try await TestDatabase.inFolder { test in
      await (try test.open([before])).close()
      let database = try test.open([before, after])
      try await Self.append(1, database)
      let (end, damage) = try await Self.verify(database)
      #expect(damage == nil)
      #expect(end.sequence == 701)
      await database.close()
      // The columns of a chain are as fixed as the SQL of a step.
      let other = Migration(
        name: "after", sql: after.sql, chained: ChainedTable("entry", columns: ["note"]))
      #expect(throws: StorageError.migrationChanged(name: "after")) {
        try test.open([before, other])
      }
    }
  }
}
