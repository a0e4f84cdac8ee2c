import AdaptorSupport
import AdaptorTestSupport
import AlertCore
import Kernel
import Storage
import Testing

@Suite("Alerts in SQL")
struct SQLAlertStoreTests {
  @Test(
    "a word that this version does not know is never guessed at", arguments: ["status", "channel"])
  func unknownWords(_ column: String) async throws {
    let alert = try AlertHarness()
    try await alert.tell(Array(try AlertStory.classes().prefix(1)))
    let (harness, application) = (alert.harness, alert.application)
    try await harness.database.write { connection in
      try connection.execute("UPDATE alert SET \(column) = 'FROM_THE_FUTURE'")
    }
    await #expect(
      throws: UnknownStoredValue(column: "alert.\(column)", value: "FROM_THE_FUTURE")
    ) {
      _ = try await application.alert(AlertID(1))
    }
  }
}
