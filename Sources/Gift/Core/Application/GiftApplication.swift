import Kernel

/// Gift as its callers see it: every use case, on one store.
package struct GiftApplication: GiftPort {
  private let store: any GiftStore

  package init(store: any GiftStore) {
    self.store = store
  }

  package func give(_ command: GiveGift, because cause: Cause) async throws -> GiftDecision {
    let decision = try await self.store.transact(because: cause) { tx in
      let decision = try command.perform(in: tx)
      CrashPoint.reached(.giveCommits)
      return decision
    }
    CrashPoint.reached(.given)
    return decision
  }

  package func gift(_ id: GiftID) async throws -> Gift {
    guard let gift = try await self.store.gift(id) else { throw GiftError.notFound(id) }
    return gift
  }

  package func gifts(_ page: PageRequest) async throws -> Page<Gift> {
    try await self.store.gifts(page)
  }

  package func gift(of classID: ClassID) async throws -> Gift {
    guard let gift = try await self.store.gift(of: classID) else {
      throw GiftError.noGift(of: classID)
    }
    return gift
  }

  package func balance(of student: String) async throws -> Int64 {
    try await self.store.balance(of: student.normalized)
  }

  package func entries(
    of classID: ClassID, _ page: PageRequest
  ) async throws -> Page<PostedGiftEntry> {
    try await self.store.entries(of: classID, page)
  }
}
