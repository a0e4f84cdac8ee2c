import AdaptorTestSupport
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

  func gifts(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Gift> {
    let items = self.all.filter { student == nil || $0.student == student }
    return Page(page, of: items)
  }

  func gift(of classID: ClassID) async throws -> Gift? {
    self.all.first { $0.classID == classID }
  }

  func balance(of student: String) async throws -> Int64 {
    self.contents.withLock { contents in
      let owned = contents.gifts.values.filter { $0.student == student }
      let payments = Set(owned.map(\.paymentID))
      return contents.ledger.filter { payments.contains($0.entry.paymentID) }
        .reduce(0) { $0 + Int64($1.entry.gifts) }
    }
  }

  func entries(
    of classID: ClassID, _ page: PageRequest
  ) async throws -> Page<PostedGiftEntry> {
    let entries = self.ledger.filter { $0.entry.classID == classID }
    return Page(page, of: entries)
  }

  /// Every line, in order.
  var ledger: [PostedGiftEntry] { self.contents.withLock { $0.ledger } }

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
  var ledger: [PostedGiftEntry] = []
  var events: [GiftEvent] = []
}

/// What the ledger never takes.
struct LedgerRefused: Error, Hashable {
  let entry: GiftEntry
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

  func append(_ entry: GiftEntry) throws {
    let earlier = self.contents.ledger.map(\.entry).filter { $0.paymentID == entry.paymentID }
    let isDue =
      switch entry.kind {
      case .grant: earlier.isEmpty
      case .revoke: earlier.map(\.kind) == [.grant] && earlier[0].gifts == -entry.gifts
      }
    guard isDue else { throw LedgerRefused(entry: entry) }
    self.contents.ledger.append(
      PostedGiftEntry(
        sequence: Int64(self.contents.ledger.count + 1), entry: entry,
        at: Timestamp(microseconds: 0)))
  }

  func studentCorrection(of classID: ClassID) -> StudentCorrection? {
    self.contents.students[classID]
  }

  func remember(_ correction: StudentCorrection) {
    self.contents.students[correction.classID] = correction
  }

  func raise(_ event: GiftEvent) { self.contents.events.append(event) }
}
