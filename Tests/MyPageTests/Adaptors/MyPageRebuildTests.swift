import AdaptorTestSupport
import Contracts
import EventLog
import Foundation
import FramedRPC
import Kernel
import MyPageAdaptors
import Storage
import Synchronization
import Testing

@Suite("My page rebuilt from events")
struct MyPageRebuildTests {
  @Test(
    "any interleaving of five logs: what is rebuilt is the live view",
    arguments: [1, 2, 3] as [UInt64])
  func equal(_ seed: UInt64) async throws {
    let logs = try MyPageLogs(classes: 700, seed: seed)
    let harness = try MyPageHarness().harness
    #expect(logs.count > 4_500)
    // The live view is not at the end of the logs, and not equally far in each.
    var generator = SeededGenerator(seed: seed)
    for source in MyPageEventAdaptor.sources {
      logs.show(Double.random(in: 0.3...0.9, using: &generator), of: source)
    }
    try await logs.drain(into: harness, seed: seed)
    logs.show(1)
    let before = try await Self.content(harness)

    let outcome = try await Self.rebuild(harness, logs).run(checkOnly: false) { _ in }

    #expect(outcome.differentRows == 0, "\(outcome.first)")
    #expect(outcome.comparedRows == before.count)
    #expect(!outcome.isRepaired)
    #expect(try await Self.content(harness) == before)
  }

  @Test("a damaged, a deleted and an extra row are found, and put right unless only checked")
  func damage() async throws {
    let logs = try MyPageLogs(classes: 300, seed: 5)
    let harness = try MyPageHarness().harness
    try await logs.drain(into: harness, seed: 6)
    let sound = try await Self.content(harness)
    try await harness.database.write { connection in
      for statement in Self.damages { try connection.execute(statement) }
    }
    let damaged = try await Self.content(harness)
    let rebuild = Self.rebuild(harness, logs)

    let checked = try await rebuild.run(checkOnly: true) { _ in }
    #expect(checked.first == Self.found)
    #expect(checked.differentRows == Self.found.count)
    #expect(!checked.isRepaired)
    #expect(try await Self.content(harness) == damaged)

    let repaired = try await rebuild.run(checkOnly: false) { _ in }
    #expect(repaired.first == Self.found)
    #expect(repaired.isRepaired)
    #expect(try await Self.content(harness) == sound)
    #expect(try await rebuild.run(checkOnly: true) { _ in }.differentRows == 0)
  }

  private static let damages = [
    "UPDATE inquiry_mypage SET student = 'mallory', fee = fee + 1 WHERE class_id = 7",
    "DELETE FROM inquiry_mypage WHERE class_id IN (1, 100)",
    // The same letters in other bytes: e and an accent in place of one é.
    """
    UPDATE inquiry_mypage SET student = replace(student, char(233), 'e' || char(769))
    WHERE class_id = 200
    """,
    "UPDATE inquiry_mypage SET heard_pay = 0, cashpoint = NULL WHERE class_id = 250",
    """
    INSERT INTO inquiry_mypage SELECT 9999, course_id, fee, student, text_book, status,
      payment_id, payment_status, delivery_status, point_status, cashpoint, giftstock,
      heard_enrollment, heard_text_book, heard_pay, heard_delivery, heard_point, heard_gift
    FROM inquiry_mypage WHERE class_id = 8
    """,
  ]
  private static let found = [
    ViewDifference(classID: 1, kind: .missing),
    ViewDifference(classID: 7, kind: .changed(columns: ["fee", "student"])),
    ViewDifference(classID: 100, kind: .missing),
    ViewDifference(classID: 200, kind: .changed(columns: ["student"])),
    ViewDifference(classID: 250, kind: .changed(columns: ["cashpoint", "heard_pay"])),
    ViewDifference(classID: 9999, kind: .extra),
  ]

  @Test("a view that lost everything, and claims to have taken it, comes back")
  func emptied() async throws {
    let logs = try MyPageLogs(classes: 150, seed: 9)
    let harness = try MyPageHarness().harness
    try await logs.drain(into: harness, seed: 9)
    let sound = try await Self.content(harness)
    try await harness.database.write { try $0.execute("DELETE FROM inquiry_mypage") }

    let outcome = try await Self.rebuild(harness, logs).run(checkOnly: false) { _ in }
    #expect(outcome.differentRows == 150)
    #expect(outcome.first.count == MyPageRebuild.maxNamed)
    #expect(outcome.isRepaired)
    #expect(try await Self.content(harness) == sound)
  }

  @Test("events keep coming: what differs is found and put right, and no event is lost")
  func underWay() async throws {
    let logs = try MyPageLogs(classes: 400, seed: 11)
    let harness = try MyPageHarness().harness
    logs.show(0.4)
    try await logs.drain(into: harness, seed: 12)
    try await harness.database.write { connection in
      try connection.execute(
        "UPDATE inquiry_mypage SET giftstock = 77 WHERE class_id % 5 = 0 AND class_id < 380")
    }
    let live = Task {
      while !Task.isCancelled {
        for source in MyPageEventAdaptor.sources {
          try await logs.pump(source, atMost: 10, into: harness)
        }
      }
    }
    let rebuild = Self.rebuild(harness, logs) { logs.grow(by: 3) }
    let outcome = try await rebuild.run(checkOnly: false) { progress in
      // The live view moves on between what is read of it and what is replaced in it.
      guard progress.phase == .repairing else { return }
      logs.grow(by: 3)
      for source in MyPageEventAdaptor.sources {
        try await logs.pump(source, atMost: 10, into: harness)
      }
    }
    live.cancel()
    _ = await live.result
    #expect(outcome.isRepaired)

    logs.show(1)
    try await logs.drain(into: harness, seed: 13)
    let other = try MyPageHarness().harness
    try await logs.drain(into: other, seed: 14)
    #expect(try await Self.content(harness) == Self.content(other))
    #expect(try await rebuild.run(checkOnly: true) { _ in }.differentRows == 0)
  }

  @Test("T14: parked and given up events have no effect on either view")
  func withheld() async throws {
    let (first, second) = (ClassStory(classID: 1), ClassStory(classID: 2, after: 3))
    let events = try [
      first.classRegistered(), first.classModified("simon").poisoned,
      first.canceled().filter { $0.source == "class" }[1], second.classRegistered(),
      second.classModified("hong"),
    ]
    let logs = MyPageLogs(events)
    let harness = try MyPageHarness().harness
    let intake = harness.intake(MyPageEventAdaptor(source: "class"))
    try await logs.pump("class", atMost: 10, into: harness)
    let rebuild = Self.rebuild(harness, logs)
    #expect(try await rebuild.run(checkOnly: true) { _ in }.differentRows == 0)

    try await harness.database.write { connection in
      try connection.execute(
        """
        INSERT INTO skipped_event SELECT source, sequence, 'class-test-2', 'ClassModified',
          subject, 0 FROM parked_event WHERE sequence = 2
        """)
      try connection.execute("DELETE FROM parked_event WHERE sequence = 2")
    }
    #expect(try await intake.retryParked().settled == 1)
    let outcome = try await rebuild.run(checkOnly: true) { _ in }
    #expect(outcome.differentRows == 0, "\(outcome.first)")
    #expect(outcome.comparedRows == 2)
  }

  @Test("an event that was handled and cannot be any more ends the rebuild; nothing is changed")
  func poison() async throws {
    let story = ClassStory(classID: 1)
    let harness = try MyPageHarness().harness
    try await MyPageLogs([try story.classRegistered()]).drain(into: harness, seed: 1)
    let before = try await Self.content(harness)
    let rebuild = Self.rebuild(harness, MyPageLogs([try story.classRegistered().poisoned]))
    await #expect(throws: MyPageRebuildError.cannotHandle(source: "class", sequence: 1)) {
      try await rebuild.run(checkOnly: false) { _ in }
    }
    #expect(try await Self.content(harness) == before)
  }

  @Test("a source with another log, or without the end of it, is no source of the truth")
  func otherLog() async throws {
    let logs = try MyPageLogs(classes: 10, seed: 1)
    let harness = try MyPageHarness().harness
    try await logs.drain(into: harness, seed: 1)
    let other = MyPageRebuild(
      database: harness.database, path: harness.database.path, clock: harness.clock,
      logger: ContextHarness.quiet
    ) { source, request in
      var answer = try logs.fetch(source, request)
      answer.logID = "other"
      return answer
    }
    await #expect(throws: InboxError.self) { try await other.run(checkOnly: true) { _ in } }
    logs.show(0.5)
    await #expect(throws: InboxError.self) {
      try await Self.rebuild(harness, logs).run(checkOnly: true) { _ in }
    }
  }

  @Test("one at a time; one that is given up leaves nothing behind and the live view as it was")
  func oneAtATime() async throws {
    let logs = try MyPageLogs(classes: 10, seed: 1)
    let harness = try MyPageHarness().harness
    try await logs.drain(into: harness, seed: 1)
    try await harness.database.write {
      try $0.execute("DELETE FROM inquiry_mypage WHERE class_id = 1")
    }
    let before = try await Self.content(harness)
    let (arrivals, arrival) = AsyncStream<Void>.makeStream()
    let rebuild = MyPageRebuild(
      database: harness.database, path: harness.database.path, clock: harness.clock,
      logger: ContextHarness.quiet
    ) { _, _ in
      arrival.yield()
      try await Task.sleep(for: .seconds(600))
      throw CancellationError()
    }
    let running = Task { try await rebuild.run(checkOnly: false) { _ in } }
    for await _ in arrivals { break }
    #expect(Self.files(harness).contains { $0.contains("rebuild") })
    await #expect(throws: MyPageRebuildError.alreadyRunning) {
      try await rebuild.run(checkOnly: true) { _ in }
    }
    running.cancel()
    await #expect(throws: (any Error).self) { try await running.value }
    #expect(try await Self.content(harness) == before)
    #expect(!Self.files(harness).contains { $0.contains("rebuild") })
  }

  @Test("what a killed process left behind is thrown away")
  func leftovers() async throws {
    let logs = try MyPageLogs(classes: 10, seed: 1)
    let harness = try MyPageHarness().harness
    try await logs.drain(into: harness, seed: 1)
    for end in ["", "-wal", ".lock"] {
      let path = "\(Self.folder(harness))/test.rebuild.sqlite\(end)"
      try Data("half".utf8).write(to: URL(fileURLWithPath: path))
    }
    let rebuild = Self.rebuild(harness, logs)
    #expect(try await rebuild.run(checkOnly: true) { _ in }.differentRows == 0)
    #expect(!Self.files(harness).contains { $0.contains("rebuild") })
  }

  @Test("by RPC: tells how far it is, and at the end what differs")
  func rpc() async throws {
    let logs = try MyPageLogs(classes: 30, seed: 1)
    let harness = try MyPageHarness().harness
    try await logs.drain(into: harness, seed: 1)
    try await harness.database.write {
      try $0.execute("UPDATE inquiry_mypage SET fee = 1 WHERE class_id = 4")
    }
    let service = MypageV1.MyPageRebuildService.register(
      MyPageRebuildRPCAdaptor(Self.rebuild(harness, logs)))
    let told = try await harness.withRPC([service]) { channel in
      let client = MypageV1.MyPageRebuildServiceClient(channel)
      var told: [MypageV1.RebuildProgress] = []
      let options = CallOptions(timeout: ContextHarness.patience)
      for try await one in try await client.rebuild(.init(), options: options) {
        told.append(one)
      }
      return told
    }
    #expect(
      told.map(\.phase).reduce(into: []) { if $0.last != $1 { $0.append($1) } } == [
        "TAKING", "COMPARING", "REPAIRING", "DONE",
      ])
    let end = try #require(told.last)
    #expect(end.sources.map(\.source) == MyPageEventAdaptor.sources)
    #expect(end.sources.reduce(0) { $0 + $1.taken } == Int64(logs.count))
    #expect(end.sources.allSatisfy { $0.taken == $0.total })
    #expect(end.comparedRows == 30)
    #expect(end.differentRows == 1)
    #expect(end.repaired)
    #expect(end.differences.map(\.id) == [4])
    #expect(end.differences.map(\.kind) == ["CHANGED"])
    #expect(end.differences.map(\.columns) == [["fee"]])
  }

  // MARK: Support

  private static func rebuild(
    _ harness: ContextHarness, _ logs: MyPageLogs,
    beforeFetch: @escaping @Sendable () -> Void = {}
  ) -> MyPageRebuild {
    MyPageRebuild(
      database: harness.database, path: harness.database.path, clock: harness.clock,
      logger: ContextHarness.quiet, rowsAtOnce: 37
    ) { source, request in
      beforeFetch()
      return try logs.fetch(source, request)
    }
  }

  /// Every row, every column.
  private static func content(_ harness: ContextHarness) async throws -> [[SQLValue]] {
    try await harness.database.read { connection in
      try connection.rows("SELECT * FROM inquiry_mypage ORDER BY class_id").map { row in
        (0..<row.columnCount).map { row[$0] }
      }
    }
  }

  private static func files(_ harness: ContextHarness) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: Self.folder(harness))) ?? []
  }

  private static func folder(_ harness: ContextHarness) -> String {
    URL(fileURLWithPath: harness.database.path).deletingLastPathComponent().path
  }
}
