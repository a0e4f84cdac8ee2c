import AdaptorTestSupport
import EnrollmentCore
import Kernel
import Synchronization
import Testing

@Suite("Seats and lines against a model")
struct SeatModelTests {
  @Test("T29, T30: whatever happens in whatever order, the seats are those of the model")
  func inMemory() async throws {
    for seed in 1...60 as ClosedRange<UInt64> {
      let fixture = EnrollmentFixture()
      try await Self.run(
        seed, steps: 150,
        World(
          store: fixture.store, clock: fixture.clock,
          advance: { fixture.clock.advance(seconds: $0) }))
    }
  }

  @Test("T29, T30: and so they are in SQL", arguments: 1...4 as ClosedRange<UInt64>)
  func sql(seed: UInt64) async throws {
    let classes = try EnrollmentHarness()
    let clock = classes.harness.clock
    try await Self.run(
      seed, steps: 150,
      World(
        store: classes.store, clock: clock, advance: { clock.advance(seconds: $0) }))
    #expect(try await classes.seatsAreRight(), "seed \(seed)")
  }

  private static let students = (0..<9).map { "student-\($0)" }

  private static func run(_ seed: UInt64, steps: Int, _ world: World) async throws {
    var random = SeededGenerator(seed: seed)
    var model = SeatModel(capacity: 2)
    try await world.offer(capacity: 2)
    for step in 1...steps {
      let action = try await self.step(&model, world, &random)
      let seen = try await world.look()
      let place: Comment = "seed \(seed), step \(step): \(action)"
      #expect(seen.seatsTaken == model.taken, place)
      #expect(seen.classes == model.classes.map(\.id), place)
      #expect(seen.offered == model.offers.map(\.student).sorted(), place)
      #expect(seen.waiting == model.line, place)
      #expect(model.line.isEmpty || model.isFull, place)
      guard seen.seatsTaken == model.taken, seen.waiting == model.line else { return }
    }
  }

  /// Does one thing to both, and compares what each says to it.
  private static func step(
    _ model: inout SeatModel, _ world: World, _ random: inout SeededGenerator
  ) async throws -> String {
    let student = self.students.randomElement(using: &random) ?? ""
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<7:
      let payment = SeatModel.Payment.allCases.randomElement(using: &random) ?? .approved
      let refusal = await world.register(student, payment)
      #expect(refusal == model.register(student, payment), "\(student) registers, \(payment)")
      return "\(student) registers, \(payment)"
    case 7..<10:
      guard let victim = model.classes.randomElement(using: &random) else { return "nothing" }
      try await world.cancel(victim.id)
      model.end(victim.id)
      return "\(victim.student) cancels"
    case 10..<14:
      let refusal = await world.join(student)
      #expect(refusal == model.join(student), "\(student) joins")
      return "\(student) joins"
    case 14:
      try await world.leave(student)
      model.leave(student)
      return "\(student) leaves"
    case 15:
      let answers = (0..<20).map { _ in Bool.random(using: &random) }
      try await world.settle(answers, pending: model.classes.filter(\.isPending).map(\.id))
      model.settle { answers[$0] }
      return "settled"
    case 16..<18:
      let seconds = Int64.random(in: 1...700, using: &random)
      world.advance(seconds)
      model.now += seconds
      return "\(seconds) s pass"
    case 18:
      try await world.recover()
      model.timeOut()
      model.expireOffers()
      return "recovery"
    default:
      let capacity = Int64.random(in: 0...5, using: &random)
      try await world.offer(capacity: capacity == 0 ? nil : capacity)
      model.setCapacity(capacity == 0 ? nil : capacity)
      return "capacity \(capacity)"
    }
  }
}

/// The application on one of its stores, as the model sees it.
private final class World: Sendable {
  struct Sight {
    let seatsTaken: Int64
    let classes: [Int64]
    let offered: [String]
    let waiting: [String]
  }

  let advance: @Sendable (Int64) -> Void
  private let store: any EnrollmentStore
  private let clock: any WallClock
  private let gateway = SteadyGateway()
  private let enrollment: EnrollmentApplication
  private let waitlist: WaitlistApplication
  private let caller = Caller(requestID: "request-1")
  private let course = CourseID(1)

  init(
    store: any EnrollmentStore, clock: any WallClock,
    advance: @escaping @Sendable (Int64) -> Void
  ) {
    self.store = store
    self.clock = clock
    self.advance = advance
    let catalog = ScriptedCatalog()
    self.enrollment = EnrollmentApplication(
      store: store, gateway: self.gateway, catalog: catalog, clock: clock)
    self.waitlist = WaitlistApplication(store: store, catalog: catalog)
  }

  func offer(capacity: Int64?) async throws {
    let course = self.course
    let offer = CourseOffer(
      try EnrollmentFixture.terms(), limits: try SeatLimits(capacity: capacity))
    try await self.store.transact(because: Cause(id: "test")) { tx in
      let version = try tx.course(course)?.version ?? 0
      try OfferCourse(course, offer, version: version + 1).perform(in: tx)
    }
  }

  /// - Returns: the code of the refusal, or nil.
  func register(_ student: String, _ payment: SeatModel.Payment) async -> String? {
    self.gateway.answer(Self.answer(payment))
    return await problem {
      try await self.enrollment.register(
        RegisterClass(courseID: self.course, student: student), by: self.caller, key: nil)
    }?.code
  }

  func cancel(_ id: Int64) async throws {
    try await self.enrollment.cancel(ClassID(id), by: self.caller)
  }

  func join(_ student: String) async -> String? {
    await problem {
      try await self.waitlist.join(
        JoinWaitlist(courseID: self.course, student: student), by: self.caller, key: nil)
    }?.code
  }

  func leave(_ student: String) async throws {
    let places = try await self.waitlist.places(ofStudent: student, try PageRequest(size: 1000))
    for place in places.items where place.entry.isLive {
      try await self.waitlist.leave(place.entry.id, by: self.caller)
    }
  }

  /// One after the other, so that the order of the freed seats is known.
  func settle(_ approves: [Bool], pending: [Int64]) async throws {
    for (id, approved) in zip(pending, approves) {
      let gateway = ScriptedGateway()
      gateway.next { request in
        request.classID == ClassID(id)
          ? Self.answer(approved ? .approved : .declined) : .unknown(reason: "another")
      }
      let settlePending = SettlePending(store: self.store, gateway: gateway)
      _ = try await settlePending.perform(
        acceptedBefore: self.clock.now().adding(seconds: 1), atMost: 1)
    }
  }

  func recover() async throws {
    _ = try await TimeOutPending(store: self.store).perform(
      acceptedBefore: self.clock.now().adding(seconds: -SeatModel.pendingLimit), atMost: 100)
    _ = try await ExpireOffers(store: self.store).perform(at: self.clock.now(), atMost: 100)
  }

  func look() async throws -> Sight {
    let course = self.course
    let copy = try await self.store.transact(because: Cause(id: "test")) { try $0.course(course) }
    let classes = try await self.enrollment.enrollments(try PageRequest(size: 1000)).items
    let places = try await self.waitlist.places(ofCourse: course, try PageRequest(size: 1000))
    let waiting = places.items.filter { $0.entry.state == .waiting }
    #expect(waiting.map(\.position) == waiting.indices.map { Int64($0) + 1 })
    #expect(copy?.waiting == Int64(waiting.count))
    return Sight(
      seatsTaken: copy?.seatsTaken ?? -1, classes: classes.map(\.id.value),
      offered: places.items.filter { $0.entry.state == .offered }.map(\.entry.student).sorted(),
      waiting: waiting.map(\.entry.student))
  }

  private static func answer(_ payment: SeatModel.Payment) -> PaymentAnswer {
    switch payment {
    case .approved: .approved(PaymentID(1))
    case .declined: .declined(reason: "over-limit")
    case .unknown: .unknown(reason: "timeout")
    }
  }
}

/// Pay that gives the same answer until it is told another.
private final class SteadyGateway: PaymentGateway {
  private let current = Mutex(PaymentAnswer.unknown(reason: "untold"))

  func answer(_ answer: PaymentAnswer) { self.current.withLock { $0 = answer } }

  func pay(_ request: PaymentRequest, because cause: Cause) async -> PaymentAnswer {
    self.current.withLock { $0 }
  }
}
