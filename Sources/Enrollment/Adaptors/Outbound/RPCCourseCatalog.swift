import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// Course, asked over the wire for one course.
package struct RPCCourseCatalog: CourseCatalog {
  private let client: CourseV1.CourseServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(1)) {
    self.client = CourseV1.CourseServiceClient(channel)
    self.timeout = timeout
  }

  package func offer(of courseID: CourseID, because cause: Cause) async -> CatalogAnswer {
    do {
      let answer = try await self.client.getCourse(
        CourseV1.GetCourseRequest(id: courseID.value),
        options: cause.options(timeout: self.timeout))
      let course = try required(answer.course, "course")
      guard course.canceledAtUs == nil else { return .canceled }
      return .offer(
        try CourseOffer(
          won: course.fee, textBook: course.textBook, capacity: course.capacity,
          maxPerStudent: course.maxPerStudent))
    } catch let error as RPCError {
      return error.problem?.kind == .notFound
        ? .noSuchCourse : .unknown(reason: error.message)
    } catch {
      return .unknown(reason: "\(error)")
    }
  }
}
