import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import MyPageCore

/// MyPage's inbound port, answered by a my page service over the wire.
package struct MyPageRPCClient: MyPagePort {
  private static let service = "mypage"

  private let client: MypageV1.MyPageServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = MypageV1.MyPageServiceClient(channel)
    self.timeout = timeout
  }

  package func row(_ id: InquiryMypageID, by caller: Caller) async throws -> InquiryMypage {
    try await asking(Self.service) {
      let answer = try await self.client.getInquiryMypage(
        MypageV1.GetInquiryMypageRequest(id: id.value),
        options: caller.options(timeout: self.timeout))
      return try InquiryMypage(try required(answer.row, "row"))
    }
  }

  package func rows(_ page: PageRequest, by caller: Caller) async throws -> Page<InquiryMypage> {
    try await asking(Self.service) {
      let answer = try await self.client.listInquiryMypages(
        MypageV1.ListInquiryMypagesRequest(page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.rows.map { try InquiryMypage($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }

  package func rows(of classID: ClassID, by caller: Caller) async throws -> [InquiryMypage] {
    try await asking(Self.service) {
      try await self.client.findByClass(
        MypageV1.FindByClassRequest(classID: classID.value),
        options: caller.options(timeout: self.timeout)
      ).rows.map { try InquiryMypage($0) }
    }
  }

  package func rows(ofPayment paymentID: PaymentID, by caller: Caller) async throws
    -> [InquiryMypage]
  {
    try await asking(Self.service) {
      try await self.client.findByPayment(
        MypageV1.FindByPaymentRequest(paymentID: paymentID.value),
        options: caller.options(timeout: self.timeout)
      ).rows.map { try InquiryMypage($0) }
    }
  }

  package func rows(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<InquiryMypage> {
    try await asking(Self.service) {
      let answer = try await self.client.findByStudent(
        MypageV1.FindByStudentRequest(student: student, page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.rows.map { try InquiryMypage($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }
}
