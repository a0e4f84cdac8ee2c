import Kernel
import MyPageCore

/// What most tests ask is asked by one who may see everything.
private let anybody = Caller(requestID: "test")

extension MyPagePort {
  func row(_ id: InquiryMypageID) async throws -> InquiryMypage {
    try await self.row(id, by: anybody)
  }

  func rows(_ page: PageRequest) async throws -> Page<InquiryMypage> {
    try await self.rows(page, by: anybody)
  }

  func rows(of classID: ClassID) async throws -> [InquiryMypage] {
    try await self.rows(of: classID, by: anybody)
  }

  func rows(ofPayment paymentID: PaymentID) async throws -> [InquiryMypage] {
    try await self.rows(ofPayment: paymentID, by: anybody)
  }

  func rows(ofStudent student: String, _ page: PageRequest) async throws -> Page<InquiryMypage> {
    try await self.rows(ofStudent: student, page, by: anybody)
  }
}
