import AdaptorSupport
import AdaptorTestSupport
import GiftCore
import Kernel
import Storage
import Testing

@Suite("Gifts in SQL")
struct SQLGiftStoreTests {
  @Test("a word that this version does not know is never guessed at", arguments: ["status"])
  func unknownWords(_ column: String) async throws {
    let gift = try GiftHarness()
    _ = try await gift.application.give(
      try GiftHarness.command(), because: Cause(id: "settle-point-1"))
    let (harness, application) = (gift.harness, gift.application)
    try await harness.database.write { connection in
      try connection.execute("UPDATE gift SET \(column) = 'FROM_THE_FUTURE'")
    }
    await #expect(
      throws: UnknownStoredValue(column: "gift.\(column)", value: "FROM_THE_FUTURE")
    ) {
      _ = try await application.gift(of: ClassID(1))
    }
  }
}
