import AdaptorSupport
import AdaptorTestSupport
import Kernel
import Logging
import Storage
import SugangServices
import TestSupport
import Testing

@testable import sugang

@Suite("What 'sugang verify' says of a folder")
struct FolderAuditTests {
  @Test("an answer that is remembered from more than a day ahead cannot be right")
  func rememberedAnswers() async throws {
    let folder = try TemporaryFolder()
    let clock = ManualWallClock()
    let tomorrow = clock.now().adding(seconds: 86_400).microseconds
    let database = try SQLiteDatabase(
      path: folder.path + "/\(ServiceName.alert.rawValue).sqlite",
      migrations: SQLContext.migrations([]),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await database.write {
      try $0.execute(
        "INSERT INTO command VALUES ('john-doe', 'register', 'k-1', 'f', '{}', ?)",
        [.integer(tomorrow + 1)])
    }
    await database.close()

    let early = try Self.commands(folder, clock)
    #expect(early.extent == "1 answers")
    #expect(early.problem == "an answer to register, of \(tomorrow + 1) µs, cannot be right")
    clock.advance(seconds: 1)
    #expect(try Self.commands(folder, clock).problem == nil)
  }

  private static func commands(
    _ folder: TemporaryFolder, _ clock: any WallClock
  ) throws -> FolderAudit.Finding {
    let audit = try FolderAudit(folder.path, clock: clock)
    return try #require(audit.findings.first { $0.check == "commands" })
  }
}
