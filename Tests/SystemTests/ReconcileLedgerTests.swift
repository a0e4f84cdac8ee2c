import GiftAdaptors
import HTTPClientKit
import JSON
import PointAdaptors
import Storage
import SystemHarness
import Testing

/// Point and Gift lose the end of their books, rows and ledger lines, as a store that was set back.
@Suite("sugang reconcile, points and gifts", .serialized)
struct ReconcileLedgerTests {
  enum Book: String, CaseIterable, Sendable {
    case point, gift
  }

  /// The classes before the moment that the books are set back to; the last of them are canceled
  /// after it, which the books then do not know.
  private static let before = 8
  private static let canceled = 3
  /// Classes after it, whose points or gifts are lost.
  private static let after = 4

  @Test(
    "G7: lost points and gifts come again, and points that were taken back go again",
    arguments: [[Book.point], [.gift], [.point, .gift]])
  func setBack(books: [Book]) async throws {
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    try await Self.enroll(1...Self.before, course, system)
    try await Self.enroll(Self.before + 1...Self.before + Self.after, course, system)
    let canceled = Self.before - Self.canceled + 1...Self.before
    for id in canceled {
      #expect(try await system.http.request("DELETE", "/classes/\(id)").status == 204)
    }
    try await Self.settled(system)
    let sums = try await Self.sums(system)
    try await system.stop()

    for book in books {
      // Only the ledger first: its own chain is whole, and yet the end of it is missed.
      try await Self.cut(book, system.data, [])
      let verified = try await CommandLineTests.run(["verify", "--data", system.data])
      #expect(verified.status == 1)
      #expect(verified.text.contains("and its lines come to"), "\(verified.text)")
      try await Self.setBack(book, system.data)
    }
    let folder = try #require(system.folder)
    let damaged = try await RunningSugang.start(in: folder)
    let found = try await ReconcileCommandTests.reconcile(damaged)
    #expect(found.status == 1)
    for book in books {
      let names = book == .point ? ("points-missing", "points-left") : ("gift-missing", "gift-left")
      #expect(Self.count(names.0, in: found.text) == Self.after, "\(found.text)")
      #expect(Self.count(names.1, in: found.text) == Self.canceled, "\(found.text)")
    }

    let repaired = try await ReconcileCommandTests.reconcile(
      damaged, "--repair", "--patience", "15s")
    let again = try await ReconcileCommandTests.reconcile(damaged)
    guard books != [.gift] else {
      // Point has taken its points back long ago: nobody may take back gifts without it but a person.
      #expect(repaired.text.contains("are left for a person"), "\(repaired.text)")
      #expect(again.status == 1)
      #expect(Self.count("gift-missing", in: again.text) == 0, "\(again.text)")
      #expect(Self.count("gift-left", in: again.text) == Self.canceled, "\(again.text)")
      return try await damaged.stop()
    }
    #expect(repaired.status == 0, "\(repaired.text)")
    #expect(again.status == 0, "\(again.text)")
    #expect(again.text.contains("findings: 0"), "\(again.text)")
    #expect(try await Self.sums(damaged) == sums)
    try await damaged.stop()
  }

  private static func enroll(
    _ numbers: ClosedRange<Int>, _ course: Int64, _ system: RunningSugang
  ) async throws {
    for number in numbers { try await system.admit("student-\(number)", course: course) }
    // So that the ledgers have the lines of these classes before those of later ones.
    try await self.settled(system)
  }

  private static func settled(_ system: RunningSugang) async throws {
    try await eventually("everything is settled") {
      try await BooksBalance(of: system).problems().isEmpty
    }
  }

  /// What the ledgers come to, class by class.
  private static func sums(_ system: RunningSugang) async throws -> [String: [Int64]] {
    var sums: [String: [Int64]] = [:]
    for book in Book.allCases {
      for id in 1...self.before + self.after {
        let entries = try await system.http.request(
          "GET", "/\(book.rawValue)s/search/findEntriesByClassId?classId=\(id)")
        sums["\(book.rawValue) \(id)"] = entries.json["_embedded"]?["\(book.rawValue)Entries"]?
          .array?.compactMap { $0["\(book.rawValue)s"]?.int64 }
      }
    }
    return sums
  }

  private static func setBack(_ book: Book, _ data: String) async throws {
    let amount = book == .point ? "cashpoint = 100" : "giftstock = 1"
    try await self.cut(
      book, data,
      [
        "DELETE FROM \(book.rawValue) WHERE class_id > \(self.before)",
        "UPDATE \(book.rawValue) SET status = 'GRANTED', \(amount)",
      ])
  }

  /// Cuts off the end of the ledger, and does something more.
  private static func cut(_ book: Book, _ data: String, _ more: [String]) async throws {
    let name = book.rawValue
    try await ReconcileCommandTests.edit(
      "\(data)/\(name).sqlite",
      book == .point ? SQLPointStore.migrations : SQLGiftStore.migrations,
      [
        "DROP TRIGGER \(name)_entry_is_not_removed",
        "DELETE FROM \(name)_entry WHERE sequence > \(self.before)",
      ] + more + [
        """
        CREATE TRIGGER \(name)_entry_is_not_removed BEFORE DELETE ON \(name)_entry
        BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END
        """
      ])
  }

  private static func count(_ kind: String, in text: String) -> Int {
    text.split(separator: "\n").count { $0.contains(" \(kind) ") }
  }
}
