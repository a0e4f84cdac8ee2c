import Kernel
import PayCore
import Testing

@Suite("Canceling a payment")
struct CancelPaymentTests {
  private let store = InMemoryPayStore()
  private let pay: PayApplication
  private let cause = Cause(id: "pay-1-4")

  init() throws {
    self.pay = PayApplication(
      store: self.store, policy: PaymentPolicy(limit: try Money(won: 50_000)))
  }

  @Test("gives the money back and says so in one event")
  func cancels() async throws {
    _ = try await self.pay.approve(try ApprovePaymentTests.command(), because: self.cause)

    let payment = try await self.pay.refund(ClassID(7), because: self.cause)

    #expect(payment.status == .canceled)
    #expect(try await self.pay.payment(payment.id) == payment)
    #expect(self.store.events.last == .paymentCanceled(PaymentCanceled(payment: payment)))
  }

  @Test("T9, T15: a class canceled twice gets its money back once")
  func cancelsOnce() async throws {
    _ = try await self.pay.approve(try ApprovePaymentTests.command(), because: self.cause)

    let first = try await self.pay.refund(ClassID(7), because: self.cause)
    let again = try await self.pay.refund(ClassID(7), because: self.cause)

    #expect(again == first)
    #expect(self.store.events.count == 2)
  }

  @Test("T11: when the cancellation overtakes the payment, the payment is declined")
  func cancelsFirst() async throws {
    for _ in 1...2 {
      let payment = try await self.store.transact(because: self.cause) { tx in
        try CancelPayment(of: ClassID(7)).perform(in: tx)
      }
      #expect(payment == nil)
    }

    let decision = try await self.pay.approve(
      try ApprovePaymentTests.command(), because: self.cause)

    #expect(decision == .declined(.classCanceled))
    #expect(self.store.events.isEmpty)
  }

  @Test("a payment given back is not taken a second time")
  func approveAfterCancel() async throws {
    _ = try await self.pay.approve(try ApprovePaymentTests.command(), because: self.cause)
    _ = try await self.pay.refund(ClassID(7), because: self.cause)

    let decision = try await self.pay.approve(
      try ApprovePaymentTests.command(), because: self.cause)

    #expect(decision == .declined(.classCanceled))
    #expect(try await self.pay.payments(of: ClassID(7)).count == 1)
  }

  @Test("T34: is given back to the student whom the class was given to, told once or twice")
  func newStudent() async throws {
    _ = try await self.pay.approve(try ApprovePaymentTests.command(), because: self.cause)
    for (student, version) in [("lee", Int64(3)), ("lee", 3), ("kim", 2)] {
      try await self.store.transact(because: self.cause) { tx in
        try CorrectStudent(
          StudentCorrection(classID: ClassID(7), student: student, version: version)
        ).perform(in: tx)
      }
    }

    let payment = try await self.pay.refund(ClassID(7), because: self.cause)

    #expect(payment.student == "lee")
    #expect(self.store.events.count == 2)
  }
}
