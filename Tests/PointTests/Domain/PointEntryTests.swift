import Kernel
import PointCore
import Testing

@Suite("Entries of the ledger of points")
struct PointEntryTests {
  @Test(
    "T39, T40: a reversal is exactly the negative of what was earned, rounding and all",
    arguments: [(1, 0), (99, 0), (100, 1), (10_099, 100), (1_000_000_000, 10_000_000)])
  func reverses(won: Int64, points: Int64) throws {
    var point = try Self.point(won: won)
    let granted = point.grant()
    let canceled = point.cancel()
    let earned = try #require(granted?.entry)
    let reversed = try #require(canceled?.entry)

    #expect(earned.kind == .earn)
    #expect(earned.points == points)
    #expect(reversed.kind == .reverse)
    #expect(reversed.points == -points)
    #expect(earned.points + reversed.points == point.cashpoint)
  }

  @Test("T11: points that were never granted have nothing to reverse")
  func neverGranted() throws {
    var point = try Self.point()
    let outcome = point.cancel()

    let canceled = try #require(outcome)
    #expect(canceled.entry == nil)
    #expect(PointEvent.pointCanceled(canceled).entry == nil)
  }

  @Test(
    "have the sign of their kind, and a number that has a negative",
    arguments: [
      (PointEntry.Kind.earn, 0, true), (.earn, 1, true), (.earn, .max, true), (.earn, -1, false),
      (.reverse, 0, true), (.reverse, -1, true), (.reverse, -.max, true), (.reverse, 1, false),
      (.reverse, .min, false),
    ] as [(PointEntry.Kind, Int64, Bool)])
  func signs(kind: PointEntry.Kind, points: Int64, isEntry: Bool) {
    let entry = PointEntry(
      pointID: PointID(1), paymentID: PaymentID(5), classID: ClassID(7), kind: kind,
      points: points)
    #expect((entry != nil) == isEntry)
  }

  private static func point(won: Int64 = 10_000) throws -> Point {
    Point(
      id: PointID(1),
      paid: PaidFee(
        paymentID: PaymentID(5), classID: ClassID(7), fee: try Money(won: won),
        student: "john-doe"), status: .pending)
  }
}
