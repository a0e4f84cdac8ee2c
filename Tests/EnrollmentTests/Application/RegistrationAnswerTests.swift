import EnrollmentCore
import Kernel
import Testing

@Suite("Repeating an enrollment with its idempotency key")
struct RegistrationAnswerTests {
  private let fixture = EnrollmentFixture()

  @Test("T17: gets the first answer and pays once, though the class was modified since")
  func repeated() async throws {
    try await self.fixture.offer()
    let first = try await self.fixture.register("a:b, \"수\"", key: "k-1")
    _ = try await self.fixture.enrollment.modify(
      first.id, ClassChange(student: "simon"), by: self.fixture.caller)

    #expect(try await self.fixture.register("a:b, \"수\"", key: "k-1") == first)
    #expect(self.fixture.gateway.requests.count == 1)
  }

  @Test("T2: a pending answer stays pending, though the class is registered since")
  func pendingStays() async throws {
    try await self.fixture.offer()
    self.fixture.gateway.next(.unknown(reason: "timeout"))
    let first = try await self.fixture.register(key: "k-1")
    #expect(try await self.fixture.settle() == Settlement(settled: 1, remaining: 0))

    let again = try await self.fixture.register(key: "k-1")

    #expect(again == first)
    #expect(again.status == .pending)
  }

  @Test("T5: a declined answer is declined again, with the same reason")
  func declined() async throws {
    try await self.fixture.offer()
    self.fixture.gateway.next(.declined(reason: "over-limit"))

    for _ in 0..<2 {
      await #expect(throws: EnrollmentError.paymentDeclined(reason: "over-limit")) {
        try await self.fixture.register(key: "k-1")
      }
    }
    #expect(self.fixture.gateway.requests.count == 1)
  }

  @Test("another request with the same key is refused")
  func reused() async throws {
    try await self.fixture.offer()
    _ = try await self.fixture.register("john-doe", key: "k-1")

    await #expect(throws: Problem.idempotencyKeyReused) {
      try await self.fixture.register("simon", key: "k-1")
    }
  }

  @Test("while the first request is running, it is told to wait")
  func inProgress() async throws {
    let fixture = self.fixture
    try await fixture.offer()
    fixture.gateway.next { _ in
      await #expect(throws: Problem.idempotencyInProgress) {
        try await fixture.register(key: "k-1")
      }
      return .approved(PaymentID(1))
    }

    #expect(try await fixture.register(key: "k-1").status == .registered)
  }

  @Test("T2: when the first request died unanswered, what became of the class is the answer")
  func diedUnanswered() async throws {
    let fixture = self.fixture
    try await fixture.offer()
    // The process that asked first dies while it waits: another settles its class.
    fixture.gateway.next { _ in
      let settlement = try? await fixture.settle()
      #expect(settlement == Settlement(settled: 1, remaining: 0))
      let again = try? await fixture.register(key: "k-1")
      #expect(again?.status == .registered)
      return .unknown(reason: "died")
    }

    #expect(try await fixture.register(key: "k-1").status == .registered)
    #expect(fixture.store.events.count == 1)
  }

  @Test("T2: when nobody waits for Pay any more, a repeat gets the pending class")
  func diedPending() async throws {
    let fixture = self.fixture
    try await fixture.offer()
    fixture.gateway.next { _ in
      fixture.clock.advance(seconds: 6)
      let again = try? await fixture.register(key: "k-1")
      #expect(again?.status == .pending)
      return .unknown(reason: "died")
    }

    _ = try await fixture.register(key: "k-1")
    #expect(try await fixture.register(key: "k-1").status == .pending)
    #expect(fixture.gateway.requests.count == 1)
  }

  @Test("a free course answers the same again")
  func free() async throws {
    try await self.fixture.offer(fee: 0)
    let first = try await self.fixture.register(key: "k-1")

    #expect(try await self.fixture.register(key: "k-1") == first)
  }

  @Test("a refusal is not remembered: the request may be sent again")
  func refusal() async throws {
    await #expect(throws: EnrollmentError.self) { try await self.fixture.register(key: "k-1") }
    try await self.fixture.offer()

    #expect(try await self.fixture.register(key: "k-1").status == .registered)
  }
}
