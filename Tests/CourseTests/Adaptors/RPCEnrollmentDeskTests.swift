import AdaptorSupport
import AdaptorTestSupport
import Contracts
import CourseAdaptors
import CourseCore
import FramedRPC
import Kernel
import Synchronization
import Testing

@Suite("Enrollment's desk over the wire")
struct RPCEnrollmentDeskTests {
  private let cause = Cause(id: "request-1")

  @Test("an answer without an error closes the course")
  func closed() async throws {
    let desk = EnrollmentServiceDouble(refusal: nil)
    #expect(try await self.ask(desk) == .closed)
    #expect(desk.asked == ["7 because request-1"])
  }

  @Test("T32: the refusal of Enrollment's core is a refusal")
  func refused() async throws {
    let refusal = RPCError(
      Problem.conflict("course-has-enrollments", title: "t", detail: "somebody is enrolled"))
    #expect(try await self.ask(EnrollmentServiceDouble(refusal: refusal)) == .refused)
  }

  @Test("T2: any other error leaves open whether the question was heard")
  func unknown() async throws {
    let refusal = RPCError(.internal, "broken")
    let answer = try await self.ask(EnrollmentServiceDouble(refusal: refusal))
    #expect(answer == .unknown(reason: "broken"))
  }

  @Test("a service that does not run was not asked")
  func notAsked() async throws {
    let answer = try await withAbsentService { channel in
      await RPCEnrollmentDesk(channel, timeout: ContextHarness.patience)
        .close(CourseID(7), because: self.cause)
    }
    guard case .notAsked = answer else {
      Issue.record("\(answer)")
      return
    }
  }

  @Test("X1: the progress of a cancellation is what Enrollment says; nothing without an answer")
  func progress() async throws {
    let harness = try ContextHarness(source: "course", migrations: SQLCourseStore.migrations)
    let service = EnrollmentV1.EnrollmentService.register(EnrollmentServiceDouble(refusal: nil))
    let answer = try await harness.withRPC([service]) { channel in
      await RPCEnrollmentDesk(channel, timeout: ContextHarness.patience)
        .cancellationProgress(of: CourseID(7), because: self.cause)
    }
    #expect(answer == CancellationProgress(isHeard: true, total: 7, remaining: 2))
    let none = try await withAbsentService { channel in
      await RPCEnrollmentDesk(channel, timeout: ContextHarness.patience)
        .cancellationProgress(of: CourseID(7), because: self.cause)
    }
    #expect(none == nil)
  }

  private func ask(_ desk: EnrollmentServiceDouble) async throws -> ClosingAnswer {
    let harness = try ContextHarness(source: "course", migrations: SQLCourseStore.migrations)
    let service = EnrollmentV1.EnrollmentService.register(desk)
    return try await harness.withRPC([service]) { channel in
      await RPCEnrollmentDesk(channel, timeout: ContextHarness.patience)
        .close(CourseID(7), because: self.cause)
    }
  }
}

/// Enrollment's service that closes courses or refuses to, and offers nothing else.
private final class EnrollmentServiceDouble: EnrollmentV1.EnrollmentServiceHandler {
  private let refusal: RPCError?
  private let questions = Mutex<[String]>([])

  init(refusal: RPCError?) {
    self.refusal = refusal
  }

  var asked: [String] { self.questions.withLock { $0 } }

  func closeCourse(
    _ request: EnrollmentV1.CloseCourseRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.CloseCourseResponse {
    self.questions.withLock {
      $0.append("\(request.courseID) because \(context.requestID ?? "?")")
    }
    if let refusal = self.refusal { throw refusal }
    return EnrollmentV1.CloseCourseResponse()
  }

  func getCancellationProgress(
    _ request: EnrollmentV1.GetCancellationProgressRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.GetCancellationProgressResponse {
    EnrollmentV1.GetCancellationProgressResponse(
      heard: true, total: request.courseID, remaining: 2)
  }

  func enroll(
    _ request: EnrollmentV1.EnrollRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.EnrollResponse { throw Self.notOffered }

  func modifyEnrollment(
    _ request: EnrollmentV1.ModifyEnrollmentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.ModifyEnrollmentResponse { throw Self.notOffered }

  func cancelEnrollment(
    _ request: EnrollmentV1.CancelEnrollmentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.CancelEnrollmentResponse { throw Self.notOffered }

  func getEnrollment(
    _ request: EnrollmentV1.GetEnrollmentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.GetEnrollmentResponse { throw Self.notOffered }

  func listEnrollments(
    _ request: EnrollmentV1.ListEnrollmentsRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.ListEnrollmentsResponse { throw Self.notOffered }

  func findEnrollments(
    _ request: EnrollmentV1.FindEnrollmentsRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.FindEnrollmentsResponse { throw Self.notOffered }

  private static let notOffered = RPCError(.unimplemented, "the double only closes courses")
}
