import AdaptorSupport
import AdaptorTestSupport
import EnrollmentAdaptors
import EnrollmentCore
import EventLog
import Kernel
import Storage
import TestSupport
import Testing

@Suite("A database from before there were seats")
struct SeatMigrationTests {
  @Test("T29: its active classes have their seats, and its courses the standard limits")
  func counts() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/class.sqlite"
    let old = try SQLiteDatabase(
      path: path,
      migrations: Array(
        SQLEnrollmentStore.migrations.prefix { $0.name != "enrollment-002" }),
      logger: ContextHarness.quiet)
    try await old.write { connection in
      try connection.execute(
        "INSERT INTO offered_course VALUES (1, 10000, 'book', 1, 'OPEN'), (2, 1, '', 2, 'OPEN')")
      for (id, status) in ["PENDING", "REGISTERED", "CANCELED", "PAYMENT_FAILED"].enumerated() {
        try connection.execute(
          "INSERT INTO class VALUES (?, 1, 10000, 'book', ?, ?, NULL, 0)",
          [.integer(Int64(id)), .text("student-\(id)"), .text(status)])
      }
    }
    await old.close()

    let database = try SQLiteDatabase(
      path: path, migrations: SQLEnrollmentStore.migrations, logger: ContextHarness.quiet)
    let store = SQLEnrollmentStore(
      SQLContext(
        database: database, outbox: Outbox(source: "class", database: database),
        clock: ManualWallClock()))
    let courses = try await store.transact(because: Cause(id: "test")) { tx in
      try [1, 2].map { try tx.course(CourseID($0)) }
    }
    #expect(courses.map { $0?.seatsTaken } == [2, 0])
    #expect(courses.map { $0?.limits } == [.standard, .standard])
    #expect(try await SeatCount.isRight(of: 1, in: database))
    await database.close()
  }
}
