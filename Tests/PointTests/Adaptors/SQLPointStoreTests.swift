import AdaptorSupport
import AdaptorTestSupport
import Contracts
import EventLog
import Kernel
import PointCore
import Storage
import Testing

@Suite("Points in SQL")
struct SQLPointStoreTests {
  @Test("a word that this version does not know is never guessed at", arguments: ["status"])
  func unknownWords(_ column: String) async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1))
    let (harness, application) = (point.harness, point.application)
    try await harness.database.write { connection in
      try connection.execute("UPDATE point SET \(column) = 'FROM_THE_FUTURE'")
    }
    await #expect(
      throws: UnknownStoredValue(column: "point.\(column)", value: "FROM_THE_FUTURE")
    ) {
      _ = try await application.points(of: ClassID(1))
    }
  }

  @Test("K13: points name the payment's event as their cause, however late their gift is given")
  func cause() async throws {
    let point = try PointHarness()
    point.gifts.next(.unknown(reason: "down"))
    try await point.earn(try PayTells.approved(3))
    try await point.tell([.classModified(1, student: "lee")])
    _ = try await point.settle()
    #expect(point.gifts.causes == ["pay-test-3", "pay-test-3"])
    let events = try await point.harness.outbox.events(after: 0, limit: 10).events
    #expect(events.map(\.causationID) == ["pay-test-3"])
  }

  @Test("points from before causes were kept are granted all the same")
  func noCause() async throws {
    let point = try PointHarness()
    try await point.tell([try PayTells.approved(1)])
    try await point.harness.database.write { try $0.execute("UPDATE point SET cause = ''") }
    _ = try await point.settle()
    let events = try await point.harness.outbox.events(after: 0, limit: 10).events
    #expect(events.map(\.causationID) == ["settle-point-1"])
  }
}
