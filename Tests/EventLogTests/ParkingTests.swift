import Contracts
import EventLog
import Kernel
import Storage
import Synchronization
import Testing

@Suite("Events that cannot be handled")
struct ParkingTests {
  private static let events = [
    incoming(1, subject: "good"), incoming(2, subject: "bad"), incoming(3, subject: "good"),
    incoming(4, subject: "bad"), incoming(5, subject: "good"),
  ]

  @Test("T14: an event that cannot be handled parks its subject, and the others go on")
  func parks() async throws {
    let bench = try EventLogBench()
    let pauses = Mutex<[Duration]>([])
    let seen = Mutex<[[Int64]]>([])
    let intake = bench.intake(CountingHandler(refusedSubject: "bad")) { pause in
      pauses.withLock { $0.append(pause) }
      // The others do not wait for the tries at the bad one.
      let effects = try await bench.effects()
      seen.withLock { $0.append(effects) }
    }
    try await intake.take(Self.events, logID: "log")
    #expect(pauses.withLock { $0 } == EventIntake.pauses)
    #expect(seen.withLock { $0 } == [[1, 3, 5], [1, 3, 5]])
    #expect(try await bench.effects() == [1, 3, 5])
    #expect(try await intake.cursor() == 5)
    #expect(try await bench.parked() == ["bad 2", "bad 4"])

    // Once parked, what follows is parked at once.
    try await intake.take([incoming(6, subject: "bad"), incoming(7)], logID: "log")
    #expect(pauses.withLock { $0.count } == EventIntake.pauses.count)
    #expect(try await bench.parked() == ["bad 2", "bad 4", "bad 6"])
    #expect(try await bench.effects() == [1, 3, 5, 7])
  }

  @Test("an event that fails a few times only is handled, and nothing is parked")
  func triesAgain() async throws {
    let bench = try EventLogBench()
    // Once with the whole batch, then alone with each pause but the last.
    let handler = FailingHandler(times: EventIntake.pauses.count + 1)
    try await bench.intake(handler).take([incoming(1), incoming(2)], logID: "log")
    #expect(try await bench.effects() == [1, 2])
    #expect(try await bench.parked() == [])
  }

  @Test(
    "the trouble of the store is nobody's poison: the batch comes again later",
    arguments: [
      StorageError.sql(code: 5, message: "database is locked", statement: ""),
      .sql(code: 6, message: "table is locked", statement: ""),
      .sql(code: 7, message: "out of memory", statement: ""),
      .sql(code: 10, message: "disk I/O error", statement: ""),
      .sql(code: 13, message: "database or disk is full", statement: ""),
      .overloaded(waiting: 1),
    ])
  func storeTrouble(_ error: StorageError) async throws {
    let bench = try EventLogBench()
    let intake = bench.intake(FailingHandler(times: 1, error))
    await #expect(throws: error) {
      try await intake.take(Self.events, logID: "log")
    }
    #expect(try await bench.effects() == [])
    #expect(try await bench.parked() == [])
    try await intake.take(Self.events, logID: "log")
    #expect(try await bench.effects() == [1, 2, 3, 4, 5])
  }

  @Test("the trouble of the store while a poison event is looked for undoes all of it")
  func storeTroubleAmidPoison() async throws {
    let bench = try EventLogBench()
    let intake = bench.intake(CountingHandler(refusedSubject: "bad")) { _ in
      throw StorageError.overloaded(waiting: 1)
    }
    await #expect(throws: StorageError.overloaded(waiting: 1)) {
      try await intake.take(Self.events, logID: "log")
    }
    #expect(try await bench.parked() == [])
    #expect(try await bench.effects() == [1, 3, 5])
    #expect(try await intake.cursor() == 1)
    // The same batch again: no effect is doubled.
    try await bench.intake().take(Self.events, logID: "log")
    #expect(try await bench.effects() == [1, 2, 3, 4, 5])
    #expect(try await intake.cursor() == 5)
  }

  @Test("a broken constraint parks")
  func constraint() async throws {
    let bench = try EventLogBench()
    let handler = FailingHandler(times: 99, StorageError.constraint(.unique, detail: "a.b"))
    try await bench.intake(handler).take([incoming(1)], logID: "log")
    #expect(try await bench.parked() == ["1 1"])
  }

  @Test("parked events are taken up again in order, once, with those parked behind them")
  func unparks() async throws {
    let bench = try EventLogBench()
    try await bench.intake(CountingHandler(refusedSubject: "bad"))
      .take(Self.events, logID: "log")
    let folder = bench.folder
    await bench.database.close()

    let again = try EventLogBench(folder: folder)
    let still = again.intake(CountingHandler(refusedSubject: "bad"))
    #expect(try await still.retryParked() == Settlement(settled: 0, remaining: 2))
    #expect(try await again.effects() == [1, 3, 5])
    #expect(try await again.parked() == ["bad 2", "bad 4"])

    let healed = again.intake()
    #expect(try await healed.retryParked() == Settlement(settled: 2, remaining: 0))
    #expect(try await healed.retryParked() == Settlement(settled: 0, remaining: 0))
    let order = try await again.database.read { connection in
      try connection.rows("SELECT sequence FROM effect ORDER BY rowid").map { $0.integer(0) }
    }
    #expect(order == [1, 3, 5, 2, 4])
    #expect(try await again.parked() == [])

    // Told again, they are known; what comes next is not parked any more.
    try await healed.take(Self.events + [incoming(6, subject: "bad")], logID: "log")
    #expect(try await again.effects() == [1, 2, 3, 4, 5, 6])
  }

  @Test("a subject that stays parked keeps its order and holds up no other")
  func unparksOthers() async throws {
    let bench = try EventLogBench()
    let count = Int64(EventIntake.retriedAtOnce + 10)
    let events = (1...count).map { incoming($0, subject: $0 % 2 == 0 ? "even" : "odd") }
    try await bench.intake(FailingHandler(times: .max)).take(events, logID: "log")
    #expect(try await bench.parked().count == Int(count))
    let healed = bench.intake(CountingHandler(refusedSubject: "even"))
    let half = Int(count / 2)
    #expect(try await healed.retryParked() == Settlement(settled: half, remaining: half))
    #expect(try await bench.effects() == (1...count).filter { $0 % 2 == 1 })
    #expect(try await bench.intake().retryParked() == Settlement(settled: half, remaining: 0))
    #expect(try await bench.effects() == Array(1...count))
  }

  @Test("the trouble of the store leaves parked events parked")
  func storeTroubleWhileUnparking() async throws {
    let bench = try EventLogBench()
    try await bench.intake(FailingHandler(times: .max)).take([incoming(1)], logID: "log")
    let full = StorageError.sql(code: 13, message: "database or disk is full", statement: "")
    await #expect(throws: full) {
      try await bench.intake(FailingHandler(times: 1, full)).retryParked()
    }
    #expect(try await bench.parked() == ["1 1"])
    #expect(try await bench.effects() == [])
  }
}
