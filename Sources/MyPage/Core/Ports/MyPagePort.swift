import Kernel

/// What callers may ask of MyPage.
package protocol MyPagePort: Sendable {
  /// - Throws: ``MyPageError/notFound(_:)``.
  func row(_ id: InquiryMypageID) async throws -> InquiryMypage

  func rows(_ page: PageRequest) async throws -> Page<InquiryMypage>

  /// One row, or none.
  func rows(of classID: ClassID) async throws -> [InquiryMypage]

  /// One row, or none.
  func rows(ofPayment paymentID: PaymentID) async throws -> [InquiryMypage]

  func rows(ofStudent student: String, _ page: PageRequest) async throws -> Page<InquiryMypage>
}
