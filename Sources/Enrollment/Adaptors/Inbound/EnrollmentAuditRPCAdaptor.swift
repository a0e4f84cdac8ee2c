import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// Lets FramedRPC drive the port of whoever compares the books.
package struct EnrollmentAuditRPCAdaptor: EnrollmentV1.EnrollmentAuditServiceHandler {
  /// Classes in one message, and in one read.
  package static let pageSize = 256

  private let port: any EnrollmentAuditPort

  package init(port: any EnrollmentAuditPort) {
    self.port = port
  }

  /// Page by page: a reader that is slow holds up no transaction and no memory.
  package func auditEnrollments(
    _ request: EnrollmentV1.AuditEnrollmentsRequest,
    _ responses: RPCWriter<EnrollmentV1.AuditEnrollmentsResponse>, _ context: RPCContext
  ) async throws {
    try await answering {
      let last = request.throughID == 0 ? nil : ClassID(request.throughID)
      var position = ClassID(request.afterID)
      while true {
        let page = try await self.port.enrollments(
          after: position, through: last, atMost: Self.pageSize)
        guard let end = page.last else { return }
        try await responses.write(
          EnrollmentV1.AuditEnrollmentsResponse(
            enrollments: page.map(EnrollmentV1.Enrollment.init)))
        position = end.id
      }
    }
  }

  package func settleEnrollment(
    _ request: EnrollmentV1.SettleEnrollmentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.SettleEnrollmentResponse {
    try await answering {
      let enrollment = try await self.port.settle(
        ClassID(request.id), because: Cause(context))
      return EnrollmentV1.SettleEnrollmentResponse(
        enrollment: EnrollmentV1.Enrollment(enrollment))
    }
  }

  package func repeatEnrollment(
    _ request: EnrollmentV1.RepeatEnrollmentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.RepeatEnrollmentResponse {
    try await answering {
      let event = try await self.port.repeatNews(
        of: ClassID(request.id), because: Cause(context))
      return EnrollmentV1.RepeatEnrollmentResponse(eventType: event?.type ?? "")
    }
  }
}

extension EnrollmentEvent {
  fileprivate var type: String {
    switch self {
    case .classRegistered: "ClassRegistered"
    case .classModified: "ClassModified"
    case .classCanceled: "ClassCanceled"
    case .seatOffered: "SeatOffered"
    case .seatOfferExpired: "SeatOfferExpired"
    }
  }
}
