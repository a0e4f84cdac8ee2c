import GiftCore
import Kernel

/// What most tests ask is asked by one who may see everything.
private let anybody = Caller(requestID: "test")

extension GiftPort {
  func give(_ command: GiveGift, because cause: Cause) async throws -> GiftDecision {
    try await self.give(command, by: Caller(requestID: cause.id))
  }

  func gift(_ id: GiftID) async throws -> Gift {
    try await self.gift(id, by: anybody)
  }

  func gifts(_ page: PageRequest) async throws -> Page<Gift> {
    try await self.gifts(page, by: anybody)
  }

  func gift(of classID: ClassID) async throws -> Gift {
    try await self.gift(of: classID, by: anybody)
  }

  func balance(of student: String) async throws -> Int64 {
    try await self.balance(of: student, by: anybody)
  }

  func entries(of classID: ClassID, _ page: PageRequest) async throws -> Page<PostedGiftEntry> {
    try await self.entries(of: classID, page, by: anybody)
  }
}
