import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import MyPageCore

/// Lets FramedRPC drive MyPage's port.
package struct MyPageRPCAdaptor: MypageV1.MyPageServiceHandler {
  private let port: any MyPagePort

  package init(port: any MyPagePort) {
    self.port = port
  }

  package func getInquiryMypage(
    _ request: MypageV1.GetInquiryMypageRequest, _ context: RPCContext
  ) async throws -> MypageV1.GetInquiryMypageResponse {
    try await answering {
      let row = try await self.port.row(InquiryMypageID(request.id), by: Caller(context))
      return MypageV1.GetInquiryMypageResponse(row: MypageV1.InquiryMypage(row))
    }
  }

  package func listInquiryMypages(
    _ request: MypageV1.ListInquiryMypagesRequest, _ context: RPCContext
  ) async throws -> MypageV1.ListInquiryMypagesResponse {
    try await answering {
      let page = try await self.port.rows(PageRequest(request.page), by: Caller(context))
      return MypageV1.ListInquiryMypagesResponse(
        rows: page.items.map(MypageV1.InquiryMypage.init), total: Int64(page.totalElements))
    }
  }

  package func findByClass(
    _ request: MypageV1.FindByClassRequest, _ context: RPCContext
  ) async throws -> MypageV1.FindByClassResponse {
    try await answering {
      let rows = try await self.port.rows(of: ClassID(request.classID), by: Caller(context))
      return MypageV1.FindByClassResponse(rows: rows.map(MypageV1.InquiryMypage.init))
    }
  }

  package func findByPayment(
    _ request: MypageV1.FindByPaymentRequest, _ context: RPCContext
  ) async throws -> MypageV1.FindByPaymentResponse {
    try await answering {
      let rows = try await self.port.rows(
        ofPayment: PaymentID(request.paymentID), by: Caller(context))
      return MypageV1.FindByPaymentResponse(rows: rows.map(MypageV1.InquiryMypage.init))
    }
  }

  package func findByStudent(
    _ request: MypageV1.FindByStudentRequest, _ context: RPCContext
  ) async throws -> MypageV1.FindByStudentResponse {
    try await answering {
      let page = try await self.port.rows(
        ofStudent: request.student, PageRequest(request.page), by: Caller(context))
      return MypageV1.FindByStudentResponse(
        rows: page.items.map(MypageV1.InquiryMypage.init), total: Int64(page.totalElements))
    }
  }
}
