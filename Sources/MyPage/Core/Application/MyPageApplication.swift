import Kernel

/// MyPage as its callers see it.
package struct MyPageApplication: MyPagePort {
  private let store: any MyPageStore

  package init(store: any MyPageStore) {
    self.store = store
  }

  package func row(_ id: InquiryMypageID, by caller: Caller) async throws -> InquiryMypage {
    guard let row = try await self.store.visibleRow(id), caller.owns(row) else {
      throw MyPageError.notFound(id)
    }
    return row
  }

  package func rows(_ page: PageRequest, by caller: Caller) async throws -> Page<InquiryMypage> {
    guard let owner = caller.onlyOwner else { return try await self.store.visibleRows(page) }
    return try await self.store.visibleRows(ofStudent: owner, page)
  }

  package func rows(of classID: ClassID, by caller: Caller) async throws -> [InquiryMypage] {
    try await self.store.visibleRows(of: classID).filter { caller.owns($0) }
  }

  package func rows(ofPayment paymentID: PaymentID, by caller: Caller) async throws
    -> [InquiryMypage]
  {
    try await self.store.visibleRows(ofPayment: paymentID).filter { caller.owns($0) }
  }

  package func rows(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<InquiryMypage> {
    let student = student.normalized
    try caller.requireOwner(student, of: "the page of another student")
    return try await self.store.visibleRows(ofStudent: student, page)
  }
}

extension Caller {
  /// A row that is shown has a student.
  fileprivate func owns(_ row: InquiryMypage) -> Bool {
    self.owns(row.terms?.student ?? "")
  }
}
