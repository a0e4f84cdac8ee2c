import Kernel
import PointCore
import Testing

@Suite("Points")
struct PointTests {
  @Test(
    "T40: are a hundredth of the fee, truncated",
    arguments: [(1, 0), (99, 0), (100, 1), (199, 1), (10_000, 100), (1_000_000_000, 10_000_000)])
  func cashpoint(won: Int64, cashpoint: Int64) throws {
    #expect(try Self.point(won: won).cashpoint == cashpoint)
  }

  @Test("are granted once")
  func grantOnce() throws {
    var point = try Self.point()

    let first = point.grant()
    let second = point.grant()

    #expect(first == PointRegistered(point: point))
    #expect(first?.point.cashpoint == 100)
    #expect(first?.entry.points == 100)
    #expect(second == nil)
  }

  @Test(
    "T15: are canceled once, and count nothing then",
    arguments: [
      Point.Status.pending, .granted,
    ])
  func cancelOnce(status: Point.Status) throws {
    var point = try Self.point(status: status)

    let first = point.cancel()
    let second = point.cancel()

    #expect(first == PointCanceled(point: point, wasGranted: status == .granted))
    #expect(first?.point.cashpoint == 0)
    #expect(first?.entry?.points == (status == .granted ? -100 : nil))
    #expect(second == nil)
  }

  @Test("once canceled are not granted any more")
  func grantAfterCancel() throws {
    var point = try Self.point(status: .canceled)

    #expect(Self.grant(&point) == nil)
    #expect(point.status == .canceled)
  }

  private static func grant(_ point: inout Point) -> PointRegistered? { point.grant() }

  private static func point(won: Int64 = 10_000, status: Point.Status = .pending) throws -> Point {
    Point(
      id: PointID(1),
      paid: PaidFee(
        paymentID: PaymentID(5), classID: ClassID(7), fee: try Money(won: won),
        student: "john-doe"), status: status)
  }
}
