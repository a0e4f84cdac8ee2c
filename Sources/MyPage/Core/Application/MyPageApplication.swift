import Kernel

/// MyPage as its callers see it.
package struct MyPageApplication: MyPagePort {
  private let store: any MyPageStore

  package init(store: any MyPageStore) {
    self.store = store
  }

  package func row(_ id: InquiryMypageID) async throws -> InquiryMypage {
    guard let row = try await self.store.visibleRow(id) else { throw MyPageError.notFound(id) }
    return row
  }

  package func rows(_ page: PageRequest) async throws -> Page<InquiryMypage> {
    try await self.store.visibleRows(page)
  }

  package func rows(of classID: ClassID) async throws -> [InquiryMypage] {
    try await self.store.visibleRows(of: classID)
  }

  package func rows(ofPayment paymentID: PaymentID) async throws -> [InquiryMypage] {
    try await self.store.visibleRows(ofPayment: paymentID)
  }

  package func rows(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<InquiryMypage> {
    try await self.store.visibleRows(ofStudent: student.normalized, page)
  }
}
