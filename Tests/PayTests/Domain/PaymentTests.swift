import Kernel
import PayCore
import Testing

@Suite("A payment")
struct PaymentTests {
  @Test("T15: is given back once; canceling it again is no transition and makes no event")
  func cancelOnce() throws {
    var payment = try Self.payment()

    let canceled = payment.cancel()

    #expect(payment.status == .canceled)
    #expect(canceled?.payment == payment)
    #expect(payment.cancel() == nil)
  }

  @Test("keeps the seed's words for its states")
  func statusWords() {
    #expect(Payment.Status.allCases.map(\.rawValue) == ["PAYMENT_COMPLETED", "CANCEL"])
  }

  @Test(
    "is declined only above the limit", arguments: [(99, nil), (100, nil), (101, "over-limit")])
  func limit(won: Int64, reason: String?) throws {
    let policy = PaymentPolicy(limit: try Money(won: 100))

    #expect(policy.reasonToDecline(try Money(won: won))?.rawValue == reason)
  }

  @Test("T7: a negative fee is refused")
  func negativeFee() {
    #expect(throws: MoneyError.negative(-1)) { try Money(won: -1) }
  }

  private static func payment() throws -> Payment {
    Payment(
      id: PaymentID(1), classID: ClassID(7), courseID: CourseID(3), fee: try Money(won: 10_000),
      student: "john-doe", textBook: "kor_book", status: .completed)
  }
}
