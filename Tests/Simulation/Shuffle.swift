import Contracts
import CourseAdaptors
import CourseCore
import Dispatch
import EnrollmentAdaptors
import EnrollmentCore
import EventLog
import Kernel
import SugangServices

/// Many students enroll, some leave, some give their class away; only then do the services hear of
/// it: each event one to three times, all in any order, while services are restarted.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
package final class Shuffle: @unchecked Sendable {
  package struct Report: Sendable {
    package internal(set) var enrollments = 0
    package internal(set) var canceled = 0
    package internal(set) var renamed = 0
    package internal(set) var events = 0
    package internal(set) var deliveries = 0
    package internal(set) var restarts = 0
    package internal(set) var rounds = 0
    package internal(set) var violations: [Violation] = []
    package internal(set) var duration = Duration.zero
  }

  /// Students who act at the same time.
  private static let crowd = 64
  private static let carriers = 3
  /// Most rounds until nothing new is told: a chain of events is shorter.
  private static let maxRounds = 12

  private let world: World
  private let scheduler: Scheduler
  private let count: Int
  private var report = Report()
  private var next = 0
  /// The last event that was handed to a carrier, by consumer.
  private var handedOver: [String: Int64] = [:]
  private var activeCarriers = 0

  private init(enrollments count: Int, seed: UInt64, disks: Disks) throws {
    self.world = try World(seed: seed, disks: disks, plan: .calm, areFeedsOpen: false)
    self.scheduler = self.world.scheduler
    self.count = count
  }

  package static func run(enrollments: Int, seed: UInt64) async -> Report {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        let start = ContinuousClock.now
        var report: Report
        do {
          report = try Shuffle(enrollments: enrollments, seed: seed, disks: Disks()).run()
        } catch {
          report = Report()
          report.violations = [Violation(.i9, "\(error)")]
        }
        report.duration = ContinuousClock.now - start
        continuation.resume(returning: report)
      }
    }
  }

  private func run() throws -> Report {
    for node in self.world.nodes { try node.start() }
    try self.fill()
    self.scheduleRestart()
    for _ in 0..<Self.maxRounds {
      guard try self.post() else { break }
      self.report.rounds += 1
      let end = self.scheduler.now + World.settling
      while self.scheduler.now < end, !Rest(self.world).unfinished.isEmpty {
        try self.scheduler.run(until: self.scheduler.now + 500_000)
      }
    }
    self.world.openFeeds()
    try self.world.settle()
    try self.world.shutDown()
    self.report.violations = self.world.violations + Checker.violations(of: self.world)
    return self.report
  }

  // MARK: Students

  /// Nobody hears of anything meanwhile but by asking.
  private func fill() throws {
    let courses = CourseRPCClient(
      SimulatedChannel(world: self.world, caller: nil, target: .course))
    let classes = EnrollmentRPCClient(
      SimulatedChannel(world: self.world, caller: nil, target: .class))
    self.world.activeUsers = 1
    self.scheduler.spawn {
      await self.offer(courses)
      for _ in 0..<Self.crowd {
        self.world.activeUsers += 1
        self.scheduler.spawn {
          await self.enroll(classes)
          self.world.activeUsers -= 1
        }
      }
      self.world.activeUsers -= 1
    }
    try self.scheduler.run(until: .max) { self.world.activeUsers == 0 }
  }

  private func offer(_ courses: CourseRPCClient) async {
    for (number, fee) in [0, 150, 10_000, 20_000, 30_000, 50_000].enumerated() {
      guard let fee = try? Money(won: Int64(fee)) else { continue }
      let command = RegisterCourse(
        name: "course \(number)", teacher: "teacher", fee: fee,
        textBook: number == 3 ? "" : "book \(number)")
      _ = try? await courses.register(command, by: Caller(requestID: "course"), key: nil)
    }
  }

  private func enroll(_ classes: EnrollmentRPCClient) async {
    while self.next < self.count {
      self.next += 1
      let name = "student\(self.next)"
      let caller = Caller(name: name, requestID: "enroll-\(name)")
      let course = CourseID(Int64(1 + self.scheduler.random.below(6)))
      self.world.history.enrollments.append(
        EnrollIntent(student: name, courseID: course, key: nil))
      let index = self.world.history.enrollments.count - 1
      do {
        let answer = try await classes.register(
          RegisterClass(courseID: course, student: name), by: caller, key: nil)
        self.world.history.enrollments[index].attempts.append((caller.requestID, .answer(answer)))
        self.report.enrollments += 1
        try await self.goOn(with: answer, caller, classes)
      } catch {
        self.world.violations.append(Violation(.i11, "\(name) was told \(error)"))
      }
    }
  }

  private func goOn(
    with enrollment: Enrollment, _ caller: Caller, _ classes: EnrollmentRPCClient
  ) async throws {
    if self.scheduler.random.chance(200) {
      let changed = try await classes.modify(
        enrollment.id, ClassChange(student: "\(enrollment.student)+"), by: caller)
      self.world.history.changes.append(
        Attempt(requestID: caller.requestID, target: enrollment.id, told: .answer(changed)))
      self.report.renamed += 1
    }
    if self.scheduler.random.chance(500) {
      try await classes.cancel(enrollment.id, by: caller)
      self.world.history.cancels.append(
        Attempt(requestID: caller.requestID, target: enrollment.id, told: .answer(Done())))
      self.report.canceled += 1
    }
  }

  // MARK: The post

  /// Brings everything that is new to everybody who wants it.
  ///
  /// - Returns: false when there was nothing.
  private func post() throws -> Bool {
    let before = self.report.events
    for node in self.world.nodes {
      for index in (node.life?.consumers ?? []).indices {
        self.activeCarriers += 1
        self.scheduler.spawn {
          await self.carry(to: node, index)
          self.activeCarriers -= 1
        }
      }
    }
    try self.scheduler.run(until: .max) { self.activeCarriers == 0 }
    return self.report.events > before
  }

  private func carry(to node: Node, _ index: Int) async {
    let waiting = Unchecked(Bags(await self.pack(for: node, index)))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<Self.carriers {
        group.addTask {
          while let bag = waiting.value.take() { await self.deliver(bag, to: node, index) }
        }
      }
    }
  }

  /// Events that travel together.
  private struct Bag: Sendable {
    let events: [EventsV1.Event]
    let logID: String
  }

  private final class Bags {
    private var bags: [Bag]

    init(_ bags: [Bag]) {
      self.bags = bags
    }

    func take() -> Bag? { self.bags.popLast() }
  }

  /// What is new for a consumer, each event one to three times, shuffled.
  private func pack(for node: Node, _ index: Int) async -> [Bag] {
    while true {
      guard let consumer = node.life?.consumers[index].consumer,
        let source = ServiceName(rawValue: consumer.source)
      else {
        await self.scheduler.sleep(10_000)
        continue
      }
      let sender = self.world.node(source)
      let key = "\(node.name.rawValue) \(source.rawValue)"
      guard let life = sender.life,
        let slice = try? await Outbox(
          source: source.rawValue, database: SimulatedDatabase(node: sender, life: life)
        ).events(after: self.handedOver[key] ?? 0, limit: .max, types: consumer.intake.types)
      else {
        await self.scheduler.sleep(10_000)
        continue
      }
      self.handedOver[key] = slice.lastSequence
      self.report.events += slice.events.count
      var letters = slice.events.flatMap {
        Array(repeating: $0, count: 1 + self.scheduler.random.below(3))
      }
      letters.shuffle(using: &self.scheduler.random)
      return stride(from: 0, to: letters.count, by: 48).map {
        Bag(events: Array(letters[$0..<min($0 + 48, letters.count)]), logID: slice.logID)
      }
    }
  }

  /// Until it is taken.
  private func deliver(_ bag: Bag, to node: Node, _ index: Int) async {
    while true {
      if let consumer = node.life?.consumers[index].consumer,
        (try? await consumer.intake.take(bag.events, logID: bag.logID)) != nil
      {
        self.report.deliveries += bag.events.count
        return
      }
      await self.scheduler.sleep(5_000)
    }
  }

  private func scheduleRestart() {
    self.scheduler.after(self.scheduler.random.time(20_000...400_000), "restart") {
      guard !self.world.areFeedsOpen else { return }
      let node = self.scheduler.random.one(of: self.world.nodes)
      if node.life != nil {
        self.report.restarts += 1
        node.crash()
      }
      self.scheduleRestart()
    }
  }
}
