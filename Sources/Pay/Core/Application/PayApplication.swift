import Kernel

/// Pay as its callers see it: every use case, on one store.
package struct PayApplication: PayPort {
  private let store: any PayStore
  private let policy: PaymentPolicy

  package init(store: any PayStore, policy: PaymentPolicy) {
    self.store = store
    self.policy = policy
  }

  package func approve(
    _ command: ApprovePayment, by caller: Caller
  ) async throws -> PaymentDecision {
    try caller.requireSystem()
    let policy = self.policy
    let decision = try await self.store.transact(because: caller.cause) { tx in
      let decision = try command.perform(under: policy, in: tx)
      CrashPoint.reached(.approveCommits)
      return decision
    }
    CrashPoint.reached(.approved)
    return decision
  }

  package func refund(_ classID: ClassID, by caller: Caller) async throws -> Payment {
    try caller.require(.operator)
    let payment = try await self.store.transact(because: caller.cause) { tx in
      let payment = try RefundPayment(of: classID).perform(in: tx)
      CrashPoint.reached(.refundCommits)
      return payment
    }
    CrashPoint.reached(.refunded)
    return payment
  }

  package func payment(_ id: PaymentID, by caller: Caller) async throws -> Payment {
    guard let payment = try await self.store.payment(id), caller.owns(payment.student) else {
      throw PaymentError.notFound(id)
    }
    return payment
  }

  package func payments(_ page: PageRequest, by caller: Caller) async throws -> Page<Payment> {
    try await self.store.payments(page, ofStudent: caller.onlyOwner)
  }

  package func payments(of classID: ClassID, by caller: Caller) async throws -> [Payment] {
    try await self.store.payments(of: classID).filter { caller.owns($0.student) }
  }
}
