import Kernel

/// Cancels the classes whose payment has been unknown for too long, so that nobody's abandoned
/// payment holds a seat for ever (trap T30). Pay is told as of any canceled class: a payment that was
/// made is given back, one that comes late is declined.
package struct TimeOutPending: Sendable {
  /// For how long a class may be pending, in seconds.
  package static let defaultLimitSeconds: Int64 = 600

  private let store: any EnrollmentStore
  private let seats: SeatPolicy

  package init(store: any EnrollmentStore, seats: SeatPolicy = .standard) {
    self.store = store
    self.seats = seats
  }

  /// - Parameters:
  ///   - limit: Classes accepted before this have been pending for too long.
  ///   - count: Most classes in one round.
  package func perform(
    acceptedBefore limit: Timestamp, atMost count: Int
  ) async throws -> Settlement {
    // What a clock that ran ahead accepted is not late: `SettlePending` has it.
    let late = try await self.store.pendingEnrollments(
      acceptedBefore: limit, orAfter: Timestamp(microseconds: .max), atMost: count)
    let seats = self.seats
    return await self.store.settle(
      late, cause: { "time-out-class-\($0.id)" }, committing: .timeOutCommits,
      committed: .timedOut,
      step: { enrollment, tx in
        // Paid or canceled meanwhile, it stays as it is.
        guard try tx.enrollment(enrollment.id)?.status == .pending else { return false }
        try CancelClass(enrollment.id, seats: seats).perform(in: tx)
        return true
      })
  }
}
