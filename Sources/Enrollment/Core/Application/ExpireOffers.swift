import Kernel

/// Gives the seats that were kept for somebody too late to the next in line.
package struct ExpireOffers: Sendable {
  private let store: any EnrollmentStore
  private let seats: SeatPolicy

  package init(store: any EnrollmentStore, seats: SeatPolicy = .standard) {
    self.store = store
    self.seats = seats
  }

  /// - Parameter count: Most offers in one round.
  package func perform(at now: Timestamp, atMost count: Int) async throws -> Settlement {
    let overdue = try await self.store.overdueOffers(at: now, atMost: count)
    let seats = self.seats
    return await self.store.settle(
      overdue, cause: { "expire-offer-\($0.id)" }, committing: .expireOfferCommits,
      committed: .offerExpired,
      step: { offer, tx in
        // Taken or left meanwhile, it stays as it is.
        guard let entry = try tx.entry(offer.id), entry.isOverdue(at: now) else { return false }
        try Roster(in: tx, seats).expire(entry)
        return true
      })
  }
}
