import AdaptorSupport
import AdaptorTestSupport
import Kernel
import MyPageCore
import Storage
import Testing

@Suite("My pages in SQL")
struct SQLMyPageStoreTests {
  @Test(
    "a word that this version does not know is never guessed at",
    arguments: ["status", "payment_status", "delivery_status", "point_status"])
  func unknownWords(_ column: String) async throws {
    let myPage = try MyPageHarness()
    try await myPage.tell(try ClassStory(classID: 1).enrolled())
    let (harness, application) = (myPage.harness, myPage.application)
    try await harness.database.write { connection in
      try connection.execute("UPDATE inquiry_mypage SET \(column) = 'FROM_THE_FUTURE'")
    }
    await #expect(
      throws: UnknownStoredValue(column: "inquiry_mypage.\(column)", value: "FROM_THE_FUTURE")
    ) {
      _ = try await application.rows(of: ClassID(1))
    }
  }
}
