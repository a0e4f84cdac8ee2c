import Storage
import Testing

@Suite("A page query")
struct PageQueryTests {
  static let columns = ["id": "id", "fee": "fee", "classId": "class_id"]

  @Test("sorts by allowed fields and always ends with the id")
  func suffix() throws {
    let query = try PageQuery(
      columns: Self.columns, sort: [("classId", false), ("fee", true)], limit: 20, offset: 40)
    #expect(
      query.suffix == #" ORDER BY "class_id" ASC, "fee" DESC, "id" ASC LIMIT ? OFFSET ?"#)
    #expect(query.arguments == [20, 40])
  }

  @Test("sorts by the id alone when nothing is asked")
  func unsorted() throws {
    let query = try PageQuery(columns: Self.columns, limit: 1, offset: 0)
    #expect(query.suffix == #" ORDER BY "id" ASC LIMIT ? OFFSET ?"#)
  }

  @Test("names each column once: the first mention counts")
  func repeated() throws {
    let query = try PageQuery(
      columns: Self.columns, sort: [("id", true), ("fee", false), ("id", false)], limit: 1,
      offset: 0)
    #expect(query.suffix == #" ORDER BY "id" DESC, "fee" ASC LIMIT ? OFFSET ?"#)
  }

  @Test("an unknown field is refused with the allowed ones", arguments: ["note", "fee; DROP"])
  func unknown(field: String) {
    #expect(
      throws: StorageError.unknownSortField(name: field, allowed: ["classId", "fee", "id"])
    ) {
      try PageQuery(columns: Self.columns, sort: [(field, false)], limit: 1, offset: 0)
    }
  }

  @Test("pages do not overlap, and SQLite takes the suffix", .timeLimit(.minutes(1)))
  func pages() async throws {
    try await TestDatabase.opened { database in
      for note in ["c", "a", "b"] { try await database.add(note) }
      var notes: [String] = []
      for offset in 0..<3 {
        let query = try PageQuery(
          columns: ["note": "note"], sort: [("note", true)], limit: 1, offset: offset)
        notes += try await database.read { connection in
          try connection.rows("SELECT note FROM row" + query.suffix, query.arguments)
            .map { $0.text(0) }
        }
      }
      #expect(notes == ["c", "b", "a"])
    }
  }
}
