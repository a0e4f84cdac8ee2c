import AdaptorTestSupport
import Kernel
import MyPageCore
import Synchronization

/// MyPage's store without a disk. A transaction works on a copy, which is kept when it succeeds.
final class InMemoryMyPageStore: MyPageStore {
  private let contents = Mutex(MyPageContents())

  func transact(_ work: (any MyPageTransaction) throws -> Void) throws {
    try self.contents.withLock { contents in
      let transaction = InMemoryMyPageTransaction(contents)
      try work(transaction)
      contents = transaction.contents
    }
  }

  func visibleRow(_ id: InquiryMypageID) async throws -> InquiryMypage? {
    self.visible.first { $0.id == id }
  }

  func visibleRows(_ page: PageRequest) async throws -> Page<InquiryMypage> {
    self.page(page, of: self.visible)
  }

  func visibleRows(of classID: ClassID) async throws -> [InquiryMypage] {
    self.visible.filter { $0.classID == classID }
  }

  func visibleRows(ofPayment paymentID: PaymentID) async throws -> [InquiryMypage] {
    self.visible.filter { $0.paymentID == paymentID }
  }

  func visibleRows(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<InquiryMypage> {
    self.page(page, of: self.visible.filter { $0.terms?.student == student })
  }

  /// How often a row was saved by committed transactions.
  var saves: Int { self.contents.withLock { $0.saves } }

  private var visible: [InquiryMypage] {
    self.contents.withLock { $0.rows.values.filter(\.isVisible).sorted { $0.id < $1.id } }
  }

  private func page(_ page: PageRequest, of rows: [InquiryMypage]) -> Page<InquiryMypage> {
    Page(page, of: rows)
  }
}

struct MyPageContents: Sendable {
  var rows: [ClassID: InquiryMypage] = [:]
  var saves = 0
}

private final class InMemoryMyPageTransaction: MyPageTransaction {
  var contents: MyPageContents

  init(_ contents: MyPageContents) {
    self.contents = contents
  }

  func row(of classID: ClassID) -> InquiryMypage? { self.contents.rows[classID] }

  func save(_ row: InquiryMypage) {
    self.contents.rows[row.classID] = row
    self.contents.saves += 1
  }
}
