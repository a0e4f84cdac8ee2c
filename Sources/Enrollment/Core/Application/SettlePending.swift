import Kernel

/// Finishes the classes whose payment's answer was lost, by asking Pay again (trap T2).
package struct SettlePending: Sendable {
  /// Payments asked for at the same time.
  package static let concurrentPaymentsMax = 16

  private let store: any EnrollmentStore
  private let gateway: any PaymentGateway
  private let seats: SeatPolicy

  package init(
    store: any EnrollmentStore, gateway: any PaymentGateway, seats: SeatPolicy = .standard
  ) {
    self.store = store
    self.gateway = gateway
    self.seats = seats
  }

  /// - Parameters:
  ///   - limit: Classes accepted later than this are left to the request that waits for them.
  ///   - count: Most classes to ask about.
  package func perform(
    acceptedBefore limit: Timestamp, atMost count: Int
  ) async throws -> Settlement {
    let pending = try await self.store.pendingEnrollments(acceptedBefore: limit, atMost: count)
    let outcomes = await pending.concurrentMap(atMost: Self.concurrentPaymentsMax) {
      await self.settle($0)
    }
    return Settlement(of: outcomes)
  }

  private func settle(_ enrollment: Enrollment) async -> Bool {
    let cause = Cause(id: "settle-class-\(enrollment.id)")
    let answer = await self.gateway.pay(PaymentRequest(for: enrollment), because: cause)
    let finish = FinishPayment(of: enrollment.id, answer, seats: self.seats)
    let finished = try? await self.store.transact(because: cause) { tx in
      let finished = try finish.perform(in: tx)
      CrashPoint.reached(.settleCommits)
      return finished
    }
    CrashPoint.reached(.settled)
    // An error of the store leaves the class pending, as a missing answer does.
    return finished.map { $0.status != .pending } ?? false
  }
}
