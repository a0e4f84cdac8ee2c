import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// Lets FramedRPC drive Enrollment's port.
package struct EnrollmentRPCAdaptor: EnrollmentV1.EnrollmentServiceHandler {
  private let port: any EnrollmentPort

  package init(port: any EnrollmentPort) {
    self.port = port
  }

  package func enroll(
    _ request: EnrollmentV1.EnrollRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.EnrollResponse {
    try await answering {
      let command = RegisterClass(
        courseID: CourseID(request.courseID), student: request.student,
        expectedFee: try request.fee.map { try Money(won: $0, field: "fee") },
        saidTextBook: request.textBook,
        waitingTicket: request.waitingTicket.isEmpty ? nil : request.waitingTicket)
      let enrollment = try await self.port.register(
        command, by: Caller(context), key: try IdempotencyKey.optional(request.idempotencyKey))
      return EnrollmentV1.EnrollResponse(
        enrollment: EnrollmentV1.Enrollment(enrollment), pending: enrollment.status == .pending)
    }
  }

  package func modifyEnrollment(
    _ request: EnrollmentV1.ModifyEnrollmentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.ModifyEnrollmentResponse {
    try await answering {
      let change = ClassChange(
        student: request.student, courseID: request.courseID.map { CourseID($0) },
        fee: try request.fee.map { try Money(won: $0, field: "fee") },
        textBook: request.textBook)
      let enrollment = try await self.port.modify(
        ClassID(request.id), change, by: Caller(context))
      return EnrollmentV1.ModifyEnrollmentResponse(
        enrollment: EnrollmentV1.Enrollment(enrollment))
    }
  }

  package func cancelEnrollment(
    _ request: EnrollmentV1.CancelEnrollmentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.CancelEnrollmentResponse {
    try await answering {
      try await self.port.cancel(ClassID(request.id), by: Caller(context))
      return EnrollmentV1.CancelEnrollmentResponse()
    }
  }

  package func getEnrollment(
    _ request: EnrollmentV1.GetEnrollmentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.GetEnrollmentResponse {
    try await answering {
      let enrollment = try await self.port.enrollment(ClassID(request.id), by: Caller(context))
      return EnrollmentV1.GetEnrollmentResponse(enrollment: EnrollmentV1.Enrollment(enrollment))
    }
  }

  package func listEnrollments(
    _ request: EnrollmentV1.ListEnrollmentsRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.ListEnrollmentsResponse {
    try await answering {
      let page = try await self.port.enrollments(PageRequest(request.page), by: Caller(context))
      return EnrollmentV1.ListEnrollmentsResponse(
        enrollments: page.items.map(EnrollmentV1.Enrollment.init),
        total: Int64(page.totalElements))
    }
  }

  package func findEnrollments(
    _ request: EnrollmentV1.FindEnrollmentsRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.FindEnrollmentsResponse {
    try await answering {
      let page = try await self.port.enrollments(
        ofStudent: request.student, PageRequest(request.page), by: Caller(context))
      return EnrollmentV1.FindEnrollmentsResponse(
        enrollments: page.items.map(EnrollmentV1.Enrollment.init),
        total: Int64(page.totalElements))
    }
  }

  package func closeCourse(
    _ request: EnrollmentV1.CloseCourseRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.CloseCourseResponse {
    try await answering {
      try await self.port.close(CourseID(request.courseID), by: Caller(context))
      return EnrollmentV1.CloseCourseResponse()
    }
  }

  package func getCancellationProgress(
    _ request: EnrollmentV1.GetCancellationProgressRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.GetCancellationProgressResponse {
    try await answering {
      let progress = try await self.port.cancellationProgress(
        of: CourseID(request.courseID), by: Caller(context))
      return EnrollmentV1.GetCancellationProgressResponse(
        heard: progress.isHeard, total: progress.total, remaining: progress.remaining)
    }
  }
}
