import Kernel
import PayCore
import Testing

@Suite("Approving a payment")
struct ApprovePaymentTests {
  private let store = InMemoryPayStore()
  private let pay: PayApplication
  private let cause = Cause(id: "request-1")

  init() throws {
    self.pay = PayApplication(
      store: self.store, policy: PaymentPolicy(limit: try Money(won: 50_000)))
  }

  @Test("takes the money and says so in one event")
  func approves() async throws {
    let payment = try await self.approved(try Self.command())

    #expect(payment.id == PaymentID(1))
    #expect(payment.classID == ClassID(7))
    #expect(payment.status == .completed)
    #expect(self.store.events == [.paymentApproved(PaymentApproved(payment: payment))])
    #expect(try await self.pay.payment(payment.id) == payment)
    #expect(try await self.pay.payments(of: ClassID(7)) == [payment])
    #expect(try await self.pay.payments(try PageRequest()).items == [payment])
  }

  @Test("T2, T17: asked again for the same class, answers the first payment and takes nothing")
  func approvesOnce() async throws {
    let first = try await self.approved(try Self.command())
    let again = try await self.approved(try Self.command())

    #expect(again == first)
    #expect(self.store.events.count == 1)
  }

  @Test("asked for the same class on other terms, lets nobody in on that payment")
  func otherTerms() async throws {
    _ = try await self.approved(try Self.command())
    for other in [try Self.command(fee: 20_000), try Self.command(student: "simon")] {
      await #expect(throws: PaymentError.paidForOtherTerms(ClassID(7))) {
        try await self.pay.approve(other, because: self.cause)
      }
    }
    #expect(self.store.events.count == 1)
  }

  @Test("a command with wrong fields is refused, and all of them are named")
  func wrongFields() async throws {
    let command = ApprovePayment(
      classID: ClassID(0), courseID: CourseID(-1), fee: try Money(won: 1), student: " ",
      textBook: "")

    let error = await #expect(throws: PaymentError.self) {
      try await self.pay.approve(command, because: self.cause)
    }
    #expect(error?.problem.fields.map(\.field) == ["classId", "courseId", "student"])
  }

  @Test("T5: a fee above the limit is declined with the reason, and nothing is kept")
  func declines() async throws {
    let decision = try await self.pay.approve(
      try Self.command(fee: 50_001), because: self.cause)

    #expect(decision == .declined(.overLimit))
    #expect(try await self.pay.payments(of: ClassID(7)).isEmpty)
    #expect(self.store.events.isEmpty)
  }

  @Test("T7: a free class is paid with nothing")
  func free() async throws {
    let payment = try await self.approved(try Self.command(fee: 0))

    #expect(payment.fee.isFree)
    #expect(self.store.events == [.paymentApproved(PaymentApproved(payment: payment))])
  }

  @Test("an unknown payment is not found")
  func notFound() async throws {
    await #expect(throws: PaymentError.notFound(PaymentID(9))) {
      try await self.pay.payment(PaymentID(9))
    }
    #expect(PaymentError.notFound(PaymentID(9)).problem.code == "not-found")
  }

  @Test("T3: a transaction that fails leaves neither payment nor event")
  func rollsBack() async throws {
    let command = try Self.command()
    let policy = PaymentPolicy(limit: try Money(won: 50_000))

    await #expect(throws: Failure.self) {
      try await self.store.transact(because: self.cause) { tx in
        _ = try command.perform(under: policy, in: tx)
        throw Failure()
      }
    }
    #expect(try await self.pay.payments(of: ClassID(7)).isEmpty)
    #expect(self.store.events.isEmpty)
  }

  private struct Failure: Error {}

  private func approved(_ command: ApprovePayment) async throws -> Payment {
    let decision = try await self.pay.approve(command, because: self.cause)
    guard case .approved(let payment) = decision else { throw Failure() }
    return payment
  }

  static func command(
    fee: Int64 = 10_000, student: String = "john-doe"
  ) throws -> ApprovePayment {
    ApprovePayment(
      classID: ClassID(7), courseID: CourseID(3), fee: try Money(won: fee), student: student,
      textBook: "kor_book")
  }
}
