import Testing

@testable import sugang

@Suite("A list read by keyset while it changes")
struct KeysetPagesTests {
  /// A row of a class, of which there may be several.
  private struct Row: Hashable, Comparable {
    let classID: Int64
    let number: Int

    static func < (one: Row, other: Row) -> Bool {
      (one.classID, one.number) < (other.classID, other.number)
    }
  }

  private static let size = 4

  /// - Parameter meanwhile: Changes the list after each page.
  private static func read(
    _ rows: [Row], _ meanwhile: (inout [Row], _ page: Int) -> Void = { _, _ in }
  ) async throws -> [Row] {
    var rows = rows
    var pages = KeysetPages<Row>(by: \.classID, size: Self.size)
    var seen: [Row] = []
    var number = 0
    while true {
      let page = try await pages.next { after in
        Array(rows.sorted().filter { $0.classID > after }.prefix(Self.size))
      }
      guard let page else { return seen }
      seen += page
      number += 1
      meanwhile(&rows, number)
    }
  }

  @Test("every row once, in order, whatever the page ends with", arguments: 0...13)
  func whole(count: Int) async throws {
    let rows = (0..<count).map { Row(classID: Int64($0), number: 0) }
    #expect(try await Self.read(rows.shuffled()) == rows)
    let pairs = rows.flatMap { [$0, Row(classID: $0.classID, number: 1)] }
    #expect(try await Self.read(pairs) == pairs)
    let threes = pairs.flatMap {
      $0.number == 1 ? [$0, Row(classID: $0.classID, number: 2)] : [$0]
    }
    #expect(try await Self.read(threes) == threes)
  }

  @Test("rows that come or go before the page that is read move nothing after it")
  func changing() async throws {
    let rows = (10..<40).map { Row(classID: $0, number: 0) }
    let added = try await Self.read(rows) { rows, page in
      rows.append(Row(classID: Int64(page), number: 0))
    }
    #expect(added == rows)
    let removed = try await Self.read(rows) { rows, page in
      rows.removeAll { $0.classID == 9 + Int64(page) }
    }
    #expect(removed == rows)
    let later = try await Self.read(rows) { rows, page in
      if page == 1 { rows.append(Row(classID: 50, number: 0)) }
    }
    #expect(later == rows + [Row(classID: 50, number: 0)])
  }

  @Test("a class of more rows than a page has is told, not cut")
  func tooMany() async throws {
    let rows = (0..<Self.size).map { Row(classID: 7, number: $0) }
    await #expect(throws: CommandFailure.self) { _ = try await Self.read(rows) }
  }
}
