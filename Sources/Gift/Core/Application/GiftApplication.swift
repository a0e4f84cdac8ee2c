import Kernel

/// Gift as its callers see it: every use case, on one store.
package struct GiftApplication: GiftPort {
  private let store: any GiftStore

  package init(store: any GiftStore) {
    self.store = store
  }

  package func give(_ command: GiveGift, by caller: Caller) async throws -> GiftDecision {
    try caller.requireSystem()
    let decision = try await self.store.transact(because: caller.cause) { tx in
      let decision = try command.perform(in: tx)
      CrashPoint.reached(.giveCommits)
      return decision
    }
    CrashPoint.reached(.given)
    return decision
  }

  package func gift(_ id: GiftID, by caller: Caller) async throws -> Gift {
    guard let gift = try await self.store.gift(id), caller.owns(gift.student) else {
      throw GiftError.notFound(id)
    }
    return gift
  }

  package func gifts(_ page: PageRequest, by caller: Caller) async throws -> Page<Gift> {
    try await self.store.gifts(page, ofStudent: caller.onlyOwner)
  }

  package func gift(of classID: ClassID, by caller: Caller) async throws -> Gift {
    guard let gift = try await self.store.gift(of: classID), caller.owns(gift.student) else {
      throw GiftError.noGift(of: classID)
    }
    return gift
  }

  package func balance(of student: String, by caller: Caller) async throws -> Int64 {
    let student = student.normalized
    try caller.requireOwner(student, of: "the gifts of another student")
    return try await self.store.balance(of: student)
  }

  package func entries(
    of classID: ClassID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<PostedGiftEntry> {
    // The ledger names no student: the gift of the class does.
    if caller.onlyOwner != nil {
      guard let gift = try await self.store.gift(of: classID), caller.owns(gift.student) else {
        return Page(items: [], totalElements: 0, request: page)
      }
    }
    return try await self.store.entries(of: classID, page)
  }
}
