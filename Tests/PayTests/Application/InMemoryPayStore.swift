import AdaptorTestSupport
import Kernel
import PayCore
import Synchronization

/// Pay's store without a disk. A transaction works on a copy, which is kept when it succeeds.
final class InMemoryPayStore: PayStore {
  private let contents = Mutex(PayContents())

  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any PayTransaction) throws -> Answer
  ) async throws -> Answer {
    try self.contents.withLock { contents in
      let transaction = InMemoryPayTransaction(contents)
      let answer = try work(transaction)
      contents = transaction.contents
      return answer
    }
  }

  func payment(_ id: PaymentID) async throws -> Payment? {
    self.all.first { $0.id == id }
  }

  func payments(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Payment> {
    let items = self.all.filter { student == nil || $0.student == student }
    return Page(page, of: items)
  }

  func payments(of classID: ClassID) async throws -> [Payment] {
    self.all.filter { $0.classID == classID }
  }

  func payments(
    afterClass first: ClassID, throughClass last: ClassID?, atMost count: Int
  ) async throws -> [Payment] {
    let wanted = self.all.filter {
      $0.classID > first && $0.classID.value <= last?.value ?? .max
    }
    return Array(wanted.sorted { $0.classID < $1.classID }.prefix(count))
  }

  /// Everything raised by committed transactions, in order.
  var events: [PayEvent] { self.contents.withLock { $0.events } }

  private var all: [Payment] {
    self.contents.withLock { $0.payments.values.sorted { $0.id < $1.id } }
  }
}

struct PayContents: Sendable {
  var payments: [PaymentID: Payment] = [:]
  var canceled: Set<ClassID> = []
  var students: [ClassID: StudentCorrection] = [:]
  var events: [PayEvent] = []
}

private final class InMemoryPayTransaction: PayTransaction {
  var contents: PayContents

  init(_ contents: PayContents) {
    self.contents = contents
  }

  func nextPaymentID() -> PaymentID {
    PaymentID((self.contents.payments.keys.max()?.value ?? 0) + 1)
  }

  func payment(of classID: ClassID) -> Payment? {
    self.contents.payments.values.first { $0.classID == classID }
  }

  func save(_ payment: Payment) { self.contents.payments[payment.id] = payment }

  func isCanceled(_ classID: ClassID) -> Bool { self.contents.canceled.contains(classID) }

  func rememberCanceled(_ classID: ClassID) { self.contents.canceled.insert(classID) }

  func studentCorrection(of classID: ClassID) -> StudentCorrection? {
    self.contents.students[classID]
  }

  func remember(_ correction: StudentCorrection) {
    self.contents.students[correction.classID] = correction
  }

  func raise(_ event: PayEvent) { self.contents.events.append(event) }
}
