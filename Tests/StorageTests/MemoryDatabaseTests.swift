import Storage
import Testing

@Suite("A database in memory")
struct MemoryDatabaseTests {
  private struct Refused: Error {}

  private let database: MemoryDatabase

  init() throws {
    self.database = try MemoryDatabase(
      migrations: [
        Migration(
          name: "note-001",
          sql: """
            CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL) STRICT;
            CREATE TRIGGER note_stays BEFORE DELETE ON note
            BEGIN SELECT RAISE(ABORT, 'notes stay'); END;
            """)
      ], setUp: "INSERT INTO note (text) VALUES ('first')")
  }

  private func write(_ text: String) -> (any SQLConnection) throws -> Void {
    { try $0.execute("INSERT INTO note (text) VALUES (?)", [.text(text)]) }
  }

  private var notes: [String] {
    get throws {
      try self.database.read { connection in
        try connection.rows("SELECT text FROM note ORDER BY id").map { $0.text(0) }
      }
    }
  }

  @Test("a unit that fails undoes only itself, and the others of its commit stay")
  func failure() throws {
    let results = try self.database.commit([
      self.write("a"),
      { connection in
        try connection.execute("INSERT INTO note (text) VALUES ('lost')", [])
        throw Refused()
      },
      self.write("b"),
    ])

    #expect(throws: Never.self) { try results[0].get() }
    #expect(throws: Refused.self) { try results[1].get() }
    #expect(throws: Never.self) { try results[2].get() }
    #expect(try self.notes == ["first", "a", "b"])
  }

  @Test("a commit that the power cuts off is undone whole, what was committed before is not")
  func powerCut() throws {
    _ = try self.database.commit([self.write("a")])

    let results = try self.database.commit([self.write("b"), self.write("c")], .undone)

    #expect(results.count == 2)
    #expect(try self.notes == ["first", "a"])
  }

  @Test("rewound it is as it was made, whatever its triggers refuse, and gives the same ids again")
  func rewind() throws {
    _ = try self.database.commit([self.write("a"), self.write("b")])

    try self.database.rewind()

    #expect(try self.notes == ["first"])
    _ = try self.database.commit([self.write("c")])
    #expect(try self.database.read { try $0.integer("SELECT max(id) FROM note") } == 2)
  }

  // MARK: The mark

  private static func chained() throws -> MemoryDatabase {
    let database = try MemoryDatabase(migrations: [ChainTests.schema], marked: ChainTests.table)
    try database.open()
    return database
  }

  private static func append(_ connection: any SQLConnection) throws {
    _ = try ChainTests.table.append(["a", 1, .null], in: connection)
  }

  private static func appendOther(_ connection: any SQLConnection) throws {
    _ = try ChainTests.table.append(["b", 1, .null], in: connection)
  }

  private static func end(_ database: MemoryDatabase) throws -> ChainLink {
    try database.read { try ChainTests.table.end(in: $0) }
  }

  @Test("its mark follows each whole commit; one that was cut off is marked at the next start")
  func mark() throws {
    let database = try Self.chained()
    #expect(database.marking == .link(.start))
    _ = try database.commit([Self.append, Self.append])
    let end = try Self.end(database)
    #expect(end.sequence == 2)
    #expect(database.marking == .link(end))
    _ = try database.commit([Self.append], .undone)
    #expect(database.marking == .link(end))
    _ = try database.commit([Self.append], .unmarked)
    #expect(database.marking == .link(end))
    try database.open()
    #expect(database.marking == .link(try Self.end(database)))
    try database.rewind()
    #expect(database.marking == .none)
  }

  @Test("a log that ends before its mark is not opened; a mark that is behind or torn says nothing")
  func lostCommits() throws {
    let database = try Self.chained()
    _ = try database.commit([Self.append])
    let first = try Self.end(database)
    _ = try database.commit([Self.append])
    let second = try Self.end(database)
    for harmless in [.link(first), .unreadable(reason: "torn"), .none] as [HighWaterMark.Reading] {
      database.damageMark(harmless)
      try database.open()
      #expect(database.marking == .link(second))
    }
    _ = try database.commit([{ try $0.execute("DELETE FROM entry WHERE sequence = 2") }], .unmarked)
    #expect(throws: StorageError.lostCommits(path: ":memory:", last: 1, marked: 2)) {
      try database.open()
    }
    _ = try database.commit([Self.appendOther], .unmarked)
    #expect(throws: StorageError.otherThanMarked(path: ":memory:", marked: 2)) {
      try database.open()
    }
  }
}
