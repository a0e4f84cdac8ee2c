import Kernel

/// Where the view is kept, as its readers see it: visible rows, as they were committed.
package protocol MyPageStore: Sendable {
  func visibleRow(_ id: InquiryMypageID) async throws -> InquiryMypage?

  func visibleRows(_ page: PageRequest) async throws -> Page<InquiryMypage>

  func visibleRows(of classID: ClassID) async throws -> [InquiryMypage]

  func visibleRows(ofPayment paymentID: PaymentID) async throws -> [InquiryMypage]

  func visibleRows(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<InquiryMypage>
}

/// One unit of work on the view, valid only inside the closure it was given to.
package protocol MyPageTransaction {
  /// Visible or not.
  func row(of classID: ClassID) throws -> InquiryMypage?

  /// Inserts the row, or replaces the one of its class.
  func save(_ row: InquiryMypage) throws
}
