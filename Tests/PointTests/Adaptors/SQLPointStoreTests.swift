import AdaptorSupport
import AdaptorTestSupport
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
}
