import Kernel

/// Shows every class, and mends one that does not agree with the other services' books.
package struct AuditEnrollments: EnrollmentAuditPort {
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

  package func enrollments(
    after first: ClassID, through last: ClassID?, atMost count: Int
  ) async throws -> [Enrollment] {
    try await self.store.enrollments(after: first, through: last, atMost: count)
  }

  package func settle(_ id: ClassID, because cause: Cause) async throws -> Enrollment {
    guard let before = try await self.store.enrollment(id) else {
      throw EnrollmentError.notFound(id)
    }
    guard before.isActive else { return before }
    let answer = await self.gateway.pay(PaymentRequest(for: before), because: cause)
    let seats = self.seats
    return try await self.store.transact(because: cause) { tx in
      if case .declined = answer, try tx.enrollment(id)?.status == .registered {
        try CancelClass(id, seats: seats).perform(in: tx)
        return try tx.enrollment(id) ?? before
      }
      return try FinishPayment(of: id, answer, seats: seats).perform(in: tx)
    }
  }

  package func repeatNews(
    of id: ClassID, because cause: Cause
  ) async throws -> EnrollmentEvent? {
    try await self.store.transact(because: cause) { tx in
      guard let enrollment = try tx.enrollment(id) else { throw EnrollmentError.notFound(id) }
      let event = enrollment.news
      if let event { try tx.raise(event) }
      return event
    }
  }
}

extension Enrollment {
  /// What the others were last told of it.
  fileprivate var news: EnrollmentEvent? {
    switch self.status {
    case .registered: .classRegistered(ClassRegistered(enrollment: self))
    case .canceled: .classCanceled(ClassCanceled(enrollment: self))
    case .pending, .paymentFailed: nil
    }
  }
}
