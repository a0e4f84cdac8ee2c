import Kernel

/// What callers may ask of MyPage.
package protocol MyPagePort: Sendable {
  /// - Throws: ``MyPageError/notFound(_:)``.
  func row(_ id: InquiryMypageID, by caller: Caller) async throws -> InquiryMypage

  func rows(_ page: PageRequest, by caller: Caller) async throws -> Page<InquiryMypage>

  /// One row, or none.
  func rows(of classID: ClassID, by caller: Caller) async throws -> [InquiryMypage]

  /// One row, or none.
  func rows(ofPayment paymentID: PaymentID, by caller: Caller) async throws -> [InquiryMypage]

  func rows(ofStudent student: String, _ page: PageRequest, by caller: Caller) async throws -> Page<
    InquiryMypage
  >
}
