import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// Enrollment's inbound port, answered by a class service over the wire.
package struct EnrollmentRPCClient: EnrollmentPort {
  private static let service = "class"

  private let client: EnrollmentV1.EnrollmentServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = EnrollmentV1.EnrollmentServiceClient(channel)
    self.timeout = timeout
  }

  package func register(
    _ command: RegisterClass, by caller: Caller, key: IdempotencyKey?
  ) async throws -> Enrollment {
    let request = EnrollmentV1.EnrollRequest(
      courseID: command.courseID.value, student: command.student, fee: command.expectedFee?.won,
      idempotencyKey: key?.value ?? "", textBook: command.saidTextBook,
      waitingTicket: command.waitingTicket ?? "")
    // Without a key a repeat is a new wish.
    return try await asking(Self.service, mayRepeat: key != nil) {
      let answer = try await self.client.enroll(
        request, options: caller.options(timeout: self.timeout))
      return try Enrollment(try required(answer.enrollment, "enrollment"))
    }
  }

  package func modify(
    _ id: ClassID, _ change: ClassChange, by caller: Caller
  ) async throws -> Enrollment {
    let request = EnrollmentV1.ModifyEnrollmentRequest(
      id: id.value, student: change.student, courseID: change.courseID?.value,
      fee: change.fee?.won, textBook: change.textBook)
    return try await asking(Self.service) {
      let answer = try await self.client.modifyEnrollment(
        request, options: caller.options(timeout: self.timeout))
      return try Enrollment(try required(answer.enrollment, "enrollment"))
    }
  }

  package func cancel(_ id: ClassID, by caller: Caller) async throws {
    _ = try await asking(Self.service) {
      try await self.client.cancelEnrollment(
        EnrollmentV1.CancelEnrollmentRequest(id: id.value),
        options: caller.options(timeout: self.timeout))
    }
  }

  package func enrollment(_ id: ClassID, by caller: Caller) async throws -> Enrollment {
    try await asking(Self.service) {
      let answer = try await self.client.getEnrollment(
        EnrollmentV1.GetEnrollmentRequest(id: id.value),
        options: caller.options(timeout: self.timeout))
      return try Enrollment(try required(answer.enrollment, "enrollment"))
    }
  }

  package func enrollments(_ page: PageRequest, by caller: Caller) async throws -> Page<Enrollment>
  {
    try await asking(Self.service) {
      let answer = try await self.client.listEnrollments(
        EnrollmentV1.ListEnrollmentsRequest(page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.enrollments.map { try Enrollment($0) },
        totalElements: Int(answer.total), request: page)
    }
  }

  package func enrollments(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<Enrollment> {
    try await asking(Self.service) {
      let answer = try await self.client.findEnrollments(
        EnrollmentV1.FindEnrollmentsRequest(
          student: student, page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.enrollments.map { try Enrollment($0) },
        totalElements: Int(answer.total), request: page)
    }
  }

  package func close(_ courseID: CourseID, by caller: Caller) async throws {
    _ = try await asking(Self.service) {
      try await self.client.closeCourse(
        EnrollmentV1.CloseCourseRequest(courseID: courseID.value),
        options: caller.options(timeout: self.timeout))
    }
  }

  package func cancellationProgress(
    of courseID: CourseID, by caller: Caller
  ) async throws -> CancellationProgress {
    try await asking(Self.service) {
      let answer = try await self.client.getCancellationProgress(
        EnrollmentV1.GetCancellationProgressRequest(courseID: courseID.value),
        options: caller.options(timeout: self.timeout))
      return CancellationProgress(
        isHeard: answer.heard, total: answer.total, remaining: answer.remaining)
    }
  }
}
