import AdaptorSupport
import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import FramedRPC
import Kernel
import Testing

@Suite("The course catalog over the wire")
struct RPCCourseCatalogTests {
  private let cause = Cause(id: "request-1")

  @Test("the terms of a course are its fee and its book")
  func terms() async throws {
    let course = CourseV1.Course(id: 7, name: "korean", fee: 10_000, textBook: "kor_book")
    let terms = CourseTerms(fee: try Money(won: 10_000), textBook: "kor_book")
    #expect(try await self.ask { $0 == 7 ? course : nil } == .offer(CourseOffer(terms)))
  }

  @Test("T31: a course that Course does not have is no course")
  func noSuchCourse() async throws {
    let missing = RPCError(Problem.notFound("course", "7"))
    #expect(try await self.ask { _ in throw missing } == .noSuchCourse)
  }

  @Test("T2: whatever else Course says is no answer")
  func unknown() async throws {
    let broken = RPCError(.internal, "broken")
    #expect(try await self.ask { _ in throw broken } == .unknown(reason: "broken"))
    let otherNotFound = RPCError(.notFound, "no such method")
    #expect(
      try await self.ask { _ in throw otherNotFound } == .unknown(reason: "no such method"))
    #expect(
      try await self.ask { _ in nil } == .unknown(reason: "the answer has no course"))
    guard case .unknown = try await self.ask({ _ in CourseV1.Course(id: 7, fee: -1) }) else {
      Issue.record("a negative fee is no fee")
      return
    }
  }

  @Test("R20: a service that does not run is no answer")
  func absent() async throws {
    let answer = try await withAbsentService { channel in
      await RPCCourseCatalog(channel, timeout: ContextHarness.patience)
        .offer(of: CourseID(7), because: self.cause)
    }
    guard case .unknown = answer else {
      Issue.record("\(answer)")
      return
    }
  }

  private func ask(
    _ answer: @escaping @Sendable (Int64) throws -> CourseV1.Course?
  ) async throws -> CatalogAnswer {
    let harness = try ContextHarness(source: "class", migrations: SQLEnrollmentStore.migrations)
    let service = CourseV1.CourseService.register(CourseServiceDouble(answer: answer))
    return try await harness.withRPC([service]) { channel in
      await RPCCourseCatalog(channel, timeout: ContextHarness.patience)
        .offer(of: CourseID(7), because: self.cause)
    }
  }
}

/// Course's service that knows courses as a test says, and offers nothing else.
private struct CourseServiceDouble: CourseV1.CourseServiceHandler {
  let answer: @Sendable (Int64) throws -> CourseV1.Course?

  func getCourse(
    _ request: CourseV1.GetCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.GetCourseResponse {
    CourseV1.GetCourseResponse(course: try self.answer(request.id))
  }

  func cancelCourse(
    _ request: CourseV1.CancelCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.CancelCourseResponse { throw Self.notOffered }

  func getCourseCancellation(
    _ request: CourseV1.GetCourseCancellationRequest, _ context: RPCContext
  ) async throws -> CourseV1.GetCourseCancellationResponse { throw Self.notOffered }

  func createCourse(
    _ request: CourseV1.CreateCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.CreateCourseResponse { throw Self.notOffered }

  func modifyCourse(
    _ request: CourseV1.ModifyCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.ModifyCourseResponse { throw Self.notOffered }

  func removeCourse(
    _ request: CourseV1.RemoveCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.RemoveCourseResponse { throw Self.notOffered }

  func listCourses(
    _ request: CourseV1.ListCoursesRequest, _ context: RPCContext
  ) async throws -> CourseV1.ListCoursesResponse { throw Self.notOffered }

  func getDelivery(
    _ request: CourseV1.GetDeliveryRequest, _ context: RPCContext
  ) async throws -> CourseV1.GetDeliveryResponse { throw Self.notOffered }

  func listDeliveries(
    _ request: CourseV1.ListDeliveriesRequest, _ context: RPCContext
  ) async throws -> CourseV1.ListDeliveriesResponse { throw Self.notOffered }

  func findDeliveries(
    _ request: CourseV1.FindDeliveriesRequest, _ context: RPCContext
  ) async throws -> CourseV1.FindDeliveriesResponse { throw Self.notOffered }

  private static let notOffered = RPCError(.unimplemented, "the double only knows courses")
}
