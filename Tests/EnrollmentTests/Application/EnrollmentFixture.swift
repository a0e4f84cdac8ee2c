import EnrollmentCore
import Kernel
import Synchronization

/// Enrollment with a store in memory, and Pay and Course played by scripts.
struct EnrollmentFixture: Sendable {
  let store: InMemoryEnrollmentStore
  let gateway = ScriptedGateway()
  let catalog = ScriptedCatalog()
  let clock: StoppedClock
  let caller = Caller(name: "john-doe", requestID: "request-1")

  init() {
    self.clock = StoppedClock()
    self.store = InMemoryEnrollmentStore(clock: self.clock)
  }

  var enrollment: EnrollmentApplication {
    EnrollmentApplication(
      store: self.store, gateway: self.gateway, catalog: self.catalog, clock: self.clock)
  }

  /// Later than any class was accepted.
  var later: Timestamp { self.clock.time.adding(seconds: 1) }

  var waitlist: WaitlistApplication {
    WaitlistApplication(store: self.store, catalog: self.catalog)
  }

  func offer(
    _ courseID: Int64 = 1, fee: Int64 = 10_000, limits: SeatLimits = .standard, version: Int64 = 1
  ) async throws {
    let offer = OfferCourse(
      CourseID(courseID), CourseOffer(try Self.terms(fee: fee), limits: limits),
      version: version)
    try await self.store.transact(because: Cause(id: "course-1-1")) { try offer.perform(in: $0) }
  }

  func withdraw(_ courseID: Int64 = 1) async throws {
    try await self.store.transact(because: Cause(id: "course-1-2")) {
      try WithdrawCourse(CourseID(courseID)).perform(in: $0)
    }
  }

  func register(
    _ student: String = "john-doe", expectedFee: Int64? = nil, key: String? = nil
  ) async throws -> Enrollment {
    try await self.enrollment.register(
      RegisterClass(
        courseID: CourseID(1), student: student,
        expectedFee: try expectedFee.map { try Money(won: $0) }),
      by: self.caller, key: try key.map { try IdempotencyKey($0) })
  }

  func join(
    _ student: String, key: String? = nil
  ) async throws -> WaitlistPlace {
    try await self.waitlist.join(
      JoinWaitlist(courseID: CourseID(1), student: student), by: self.caller,
      key: try key.map { try IdempotencyKey($0) })
  }

  func expireOffers() async throws -> Settlement {
    try await ExpireOffers(store: self.store).perform(at: self.clock.time, atMost: 100)
  }

  func settle() async throws -> Settlement {
    try await SettlePending(store: self.store, gateway: self.gateway)
      .perform(acceptedBefore: self.later, atMost: 100)
  }

  static func terms(fee: Int64 = 10_000) throws -> CourseTerms {
    CourseTerms(fee: try Money(won: fee), textBook: "kor_book")
  }
}

/// Pay as a script says: approves when the script is over, and remembers every request.
final class ScriptedGateway: PaymentGateway {
  typealias Step = @Sendable (PaymentRequest) async -> PaymentAnswer

  private let script = Mutex<[Step]>([])
  private let seen = Mutex<[PaymentRequest]>([])

  func pay(_ request: PaymentRequest, because cause: Cause) async -> PaymentAnswer {
    self.seen.withLock { $0.append(request) }
    let step = self.script.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    return await step?(request) ?? .approved(PaymentID(request.classID.value))
  }

  func next(_ answer: PaymentAnswer) { self.next { _ in answer } }

  func next(_ step: @escaping Step) { self.script.withLock { $0.append(step) } }

  var requests: [PaymentRequest] { self.seen.withLock { $0 } }
}

/// Course as a script says; does not answer when the script is over.
final class ScriptedCatalog: CourseCatalog {
  private let script = Mutex<[CatalogAnswer]>([])
  private let asked = Mutex(0)

  func offer(of courseID: CourseID, because cause: Cause) async -> CatalogAnswer {
    self.asked.withLock { $0 += 1 }
    return self.script.withLock { $0.isEmpty ? .unknown(reason: "down") : $0.removeFirst() }
  }

  func next(_ answer: CatalogAnswer) { self.script.withLock { $0.append(answer) } }

  var questionsAsked: Int { self.asked.withLock { $0 } }
}

/// A clock that moves only by hand.
final class StoppedClock: WallClock {
  private let current = Mutex(Timestamp(microseconds: 1_000_000))

  var time: Timestamp { self.now() }

  func now() -> Timestamp { self.current.withLock { $0 } }

  func advance(seconds: Int64) { self.current.withLock { $0 = $0.adding(seconds: seconds) } }
}
