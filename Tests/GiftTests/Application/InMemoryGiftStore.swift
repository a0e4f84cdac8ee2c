import GiftCore
import Kernel
import Synchronization

/// Gift's store without a disk. A transaction works on a copy, which is kept when it succeeds.
final class InMemoryGiftStore: GiftStore {
  private let contents = Mutex(GiftContents())

  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any GiftTransaction) throws -> Answer
  ) async throws -> Answer {
    try self.contents.withLock { contents in
      let transaction = InMemoryGiftTransaction(contents)
      let answer = try work(transaction)
      contents = transaction.contents
      return answer
    }
  }

  func gift(_ id: GiftID) async throws -> Gift? { self.all.first { $0.id == id } }

  func gifts(_ page: PageRequest) async throws -> Page<Gift> {
    Page(
      items: Array(self.all.dropFirst(page.offset).prefix(page.size)),
      totalElements: self.all.count, request: page)
  }

  func gift(of classID: ClassID) async throws -> Gift? {
    self.all.first { $0.classID == classID }
  }

  /// Everything raised by committed transactions, in order.
  var events: [GiftEvent] { self.contents.withLock { $0.events } }

  private var all: [Gift] {
    self.contents.withLock { $0.gifts.values.sorted { $0.id < $1.id } }
  }
}

struct GiftContents: Sendable {
  var gifts: [GiftID: Gift] = [:]
  var revoked: Set<PaymentID> = []
  var students: [ClassID: StudentCorrection] = [:]
  var events: [GiftEvent] = []
}

private final class InMemoryGiftTransaction: GiftTransaction {
  var contents: GiftContents

  init(_ contents: GiftContents) {
    self.contents = contents
  }

  func nextGiftID() -> GiftID { GiftID((self.contents.gifts.keys.max()?.value ?? 0) + 1) }

  func gift(of paymentID: PaymentID) -> Gift? {
    self.contents.gifts.values.first { $0.paymentID == paymentID }
  }

  func gifts(of classID: ClassID) -> [Gift] {
    self.contents.gifts.values.filter { $0.classID == classID }
  }

  func save(_ gift: Gift) { self.contents.gifts[gift.id] = gift }

  func isRevoked(_ paymentID: PaymentID) -> Bool { self.contents.revoked.contains(paymentID) }

  func rememberRevoked(_ paymentID: PaymentID) { self.contents.revoked.insert(paymentID) }

  func studentCorrection(of classID: ClassID) -> StudentCorrection? {
    self.contents.students[classID]
  }

  func remember(_ correction: StudentCorrection) {
    self.contents.students[correction.classID] = correction
  }

  func raise(_ event: GiftEvent) { self.contents.events.append(event) }
}
