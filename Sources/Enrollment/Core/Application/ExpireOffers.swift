import Kernel

/// Gives the seats that were kept for somebody too late to the next in line.
package struct ExpireOffers: Sendable {
  /// Units of work at the same time: they share commits.
  package static let concurrentMax = 16

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
    let outcomes = await overdue.concurrentMap(atMost: Self.concurrentMax) { offer in
      let cause = Cause(id: "expire-offer-\(offer.id)")
      // An error of the store leaves the offer for the next round.
      let done: Void? = try? await self.store.transact(because: cause) { tx in
        // Taken or left meanwhile, it stays as it is.
        guard let entry = try tx.entry(offer.id), entry.isOverdue(at: now) else { return }
        try Roster(in: tx, seats).expire(entry)
      }
      return done != nil
    }
    return Settlement(of: outcomes)
  }
}
