import Kernel
import PointCore
import Testing

@Suite("Earning and canceling points")
struct PointUseCaseTests {
  private let fixture = PointFixture()

  @Test("R13: points are granted and seen when the gift is given")
  func grants() async throws {
    try await self.fixture.earn(try PointFixture.paid())
    #expect(try await self.fixture.points.points(try PageRequest()).items.isEmpty)

    #expect(try await self.fixture.settle() == Settlement(settled: 1, remaining: 0))

    let points = try await self.fixture.points.points(of: ClassID(7))
    #expect(points.map(\.cashpoint) == [100])
    #expect(points.map(\.status) == [.granted])
    #expect(self.fixture.store.events == [.pointRegistered(PointRegistered(point: points[0]))])
  }

  @Test("T9: a payment told twice earns once")
  func earnsOnce() async throws {
    try await self.fixture.earn(try PointFixture.paid())
    try await self.fixture.earn(try PointFixture.paid())
    _ = try await self.fixture.settle()
    try await self.fixture.earn(try PointFixture.paid())

    #expect(try await self.fixture.settle() == Settlement(settled: 0, remaining: 0))
    #expect(self.fixture.gateway.requests.count == 1)
    #expect(self.fixture.store.events.count == 1)
  }

  @Test("W18, W19: while Gift is down points stay unseen, and appear by themselves later, once")
  func giftDown() async throws {
    try await self.fixture.earn(try PointFixture.paid())
    self.fixture.gateway.next(.unknown(reason: "down"))

    #expect(try await self.fixture.settle() == Settlement(settled: 0, remaining: 1))
    #expect(try await self.fixture.points.points(of: ClassID(7)).isEmpty)
    await #expect(throws: PointError.notFound(PointID(1))) {
      try await self.fixture.points.point(PointID(1))
    }

    #expect(try await self.fixture.settle() == Settlement(settled: 1, remaining: 0))
    #expect(try await self.fixture.points.point(PointID(1)).cashpoint == 100)
  }

  @Test("R10, T15: a payment given back cancels the points once", arguments: [false, true])
  func cancels(granted: Bool) async throws {
    try await self.fixture.earn(try PointFixture.paid())
    if granted { _ = try await self.fixture.settle() }

    try await self.fixture.cancel(try PointFixture.paid())
    try await self.fixture.cancel(try PointFixture.paid())

    let point = try await self.fixture.points.point(PointID(1))
    #expect(point.status == .canceled)
    #expect(point.cashpoint == 0)
    let canceled = PointCanceled(point: point, wasGranted: granted)
    #expect(self.fixture.store.events.last == .pointCanceled(canceled))
    #expect(self.fixture.store.events.count == (granted ? 2 : 1))
    #expect(
      self.fixture.store.ledger.map(\.entry) == (granted ? [.earn(point), .reverse(point)] : []))
  }

  @Test("T11: when the cancellation overtakes the payment, nothing is earned")
  func cancelsFirst() async throws {
    try await self.fixture.cancel(try PointFixture.paid())
    try await self.fixture.earn(try PointFixture.paid())
    try await self.fixture.cancel(try PointFixture.paid())

    #expect(try await self.fixture.settle() == Settlement(settled: 0, remaining: 0))
    #expect(try await self.fixture.points.points(of: ClassID(7)).map(\.status) == [.canceled])
    #expect(self.fixture.store.events.count == 1)
    #expect(self.fixture.gateway.requests.isEmpty)
  }

  @Test("T42: points canceled while the gift is asked for stay canceled")
  func canceledMeanwhile() async throws {
    let fixture = self.fixture
    try await fixture.earn(try PointFixture.paid())
    fixture.gateway.next { paid in
      try? await fixture.cancel(paid)
      return .given
    }

    #expect(try await fixture.settle() == Settlement(settled: 1, remaining: 0))
    #expect(try await fixture.points.point(PointID(1)).status == .canceled)
    #expect(fixture.store.events.count == 1)
  }

  @Test("points whose gift is revoked are canceled")
  func revoked() async throws {
    try await self.fixture.earn(try PointFixture.paid())
    self.fixture.gateway.next(.revoked)

    #expect(try await self.fixture.settle() == Settlement(settled: 1, remaining: 0))
    #expect(try await self.fixture.points.point(PointID(1)).status == .canceled)
  }

  @Test("T7: nothing paid earns nothing")
  func free() async throws {
    try await self.fixture.earn(try PointFixture.paid(fee: 0))
    try await self.fixture.cancel(try PointFixture.paid(fee: 0))

    #expect(try await self.fixture.settle() == Settlement(settled: 0, remaining: 0))
    #expect(try await self.fixture.points.points(try PageRequest()).items.isEmpty)
    #expect(self.fixture.store.events.isEmpty)
  }

  @Test("settles a limited number, the oldest first")
  func batch() async throws {
    for id in Int64(1)...3 { try await self.fixture.earn(try PointFixture.paid(id)) }

    let settlement = try await SettlePending(
      store: self.fixture.store, gateway: self.fixture.gateway
    ).perform(atMost: 2)

    #expect(settlement == Settlement(settled: 2, remaining: 0))
    #expect(try await self.fixture.store.pendingPoints(atMost: 9).map(\.point.id) == [PointID(3)])
  }
}
