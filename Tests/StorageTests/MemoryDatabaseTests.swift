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

    let results = try self.database.commit([self.write("b"), self.write("c")], keeping: false)

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
}
