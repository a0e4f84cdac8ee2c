import EnrollmentCore
import Kernel
import Testing

@Suite("Settling pending classes")
struct SettlePendingTests {
  private let fixture = EnrollmentFixture()

  @Test("W28: every pending class is registered or released once Pay answers")
  func settles() async throws {
    try await self.fixture.offer()
    for student in ["a", "b", "c"] {
      self.fixture.gateway.next(.unknown(reason: "down"))
      _ = try await self.fixture.register(student)
    }
    self.fixture.gateway.next(.declined(reason: "over-limit"))

    #expect(try await self.fixture.settle() == Settlement(settled: 3, remaining: 0))

    let left = try await self.fixture.enrollment.enrollments(try PageRequest()).items
    #expect(left.map(\.status) == [.registered, .registered])
    #expect(self.fixture.store.events.count == 2)
    #expect(try await self.fixture.settle() == Settlement(settled: 0, remaining: 0))
  }

  @Test("a class stays pending while Pay does not answer, and is asked with the same key")
  func stillDown() async throws {
    try await self.fixture.offer()
    for _ in 0..<2 { self.fixture.gateway.next(.unknown(reason: "down")) }
    _ = try await self.fixture.register()

    #expect(try await self.fixture.settle() == Settlement(settled: 0, remaining: 1))
    #expect(Set(self.fixture.gateway.requests).count == 1)
  }

  @Test("a class accepted just now is left to its own request")
  func grace() async throws {
    try await self.fixture.offer()
    self.fixture.gateway.next(.unknown(reason: "down"))
    _ = try await self.fixture.register()

    let settlement = try await SettlePending(
      store: self.fixture.store, gateway: self.fixture.gateway
    ).perform(acceptedBefore: self.fixture.clock.time, atMost: 100)

    #expect(settlement == Settlement(settled: 0, remaining: 0))
  }

  @Test("T2: a class accepted under a clock that ran ahead does not wait for that time to come")
  func clockRanAhead() async throws {
    try await self.fixture.offer()
    self.fixture.gateway.next(.unknown(reason: "down"))
    let enrollment = try await self.fixture.register()

    // The clock is an hour back now.
    let settlement = try await SettlePending(
      store: self.fixture.store, gateway: self.fixture.gateway
    ).perform(acceptedBefore: self.fixture.clock.time.adding(seconds: -3600), atMost: 100)

    #expect(settlement == Settlement(settled: 1, remaining: 0))
    #expect(try await self.fixture.store.enrollment(enrollment.id)?.status == .registered)
  }

  @Test("asks about a limited number of classes, the oldest first")
  func batch() async throws {
    try await self.fixture.offer()
    for student in ["a", "b", "c"] {
      self.fixture.gateway.next(.unknown(reason: "down"))
      _ = try await self.fixture.register(student)
    }

    let settlement = try await SettlePending(
      store: self.fixture.store, gateway: self.fixture.gateway
    ).perform(acceptedBefore: self.fixture.later, atMost: 2)

    #expect(settlement == Settlement(settled: 2, remaining: 0))
    #expect(try await self.fixture.store.enrollment(ClassID(3))?.status == .pending)
  }
}
