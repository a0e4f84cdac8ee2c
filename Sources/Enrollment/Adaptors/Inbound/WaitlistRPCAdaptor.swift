import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// Lets FramedRPC drive the port of the lines for full courses.
package struct WaitlistRPCAdaptor: EnrollmentV1.WaitlistServiceHandler {
  private let port: any WaitlistPort

  package init(port: any WaitlistPort) {
    self.port = port
  }

  package func joinWaitlist(
    _ request: EnrollmentV1.JoinWaitlistRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.JoinWaitlistResponse {
    try await answering {
      let command = JoinWaitlist(courseID: CourseID(request.courseID), student: request.student)
      let place = try await self.port.join(
        command, by: Caller(context), key: try IdempotencyKey.optional(request.idempotencyKey))
      return EnrollmentV1.JoinWaitlistResponse(entry: EnrollmentV1.WaitlistEntry(place))
    }
  }

  package func leaveWaitlist(
    _ request: EnrollmentV1.LeaveWaitlistRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.LeaveWaitlistResponse {
    try await answering {
      try await self.port.leave(WaitlistID(request.id), by: Caller(context))
      return EnrollmentV1.LeaveWaitlistResponse()
    }
  }

  package func getWaitlistEntry(
    _ request: EnrollmentV1.GetWaitlistEntryRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.GetWaitlistEntryResponse {
    try await answering {
      let place = try await self.port.place(WaitlistID(request.id), by: Caller(context))
      return EnrollmentV1.GetWaitlistEntryResponse(entry: EnrollmentV1.WaitlistEntry(place))
    }
  }

  package func listWaitlist(
    _ request: EnrollmentV1.ListWaitlistRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.ListWaitlistResponse {
    try await answering {
      let page = try await self.port.places(PageRequest(request.page), by: Caller(context))
      return EnrollmentV1.ListWaitlistResponse(
        entries: page.items.map(EnrollmentV1.WaitlistEntry.init),
        total: Int64(page.totalElements))
    }
  }

  package func findWaitlistOfStudent(
    _ request: EnrollmentV1.FindWaitlistOfStudentRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.FindWaitlistOfStudentResponse {
    try await answering {
      let page = try await self.port.places(
        ofStudent: request.student, PageRequest(request.page), by: Caller(context))
      return EnrollmentV1.FindWaitlistOfStudentResponse(
        entries: page.items.map(EnrollmentV1.WaitlistEntry.init),
        total: Int64(page.totalElements))
    }
  }

  package func findWaitlistOfCourse(
    _ request: EnrollmentV1.FindWaitlistOfCourseRequest, _ context: RPCContext
  ) async throws -> EnrollmentV1.FindWaitlistOfCourseResponse {
    try await answering {
      let page = try await self.port.places(
        ofCourse: CourseID(request.courseID), PageRequest(request.page), by: Caller(context))
      return EnrollmentV1.FindWaitlistOfCourseResponse(
        entries: page.items.map(EnrollmentV1.WaitlistEntry.init),
        total: Int64(page.totalElements))
    }
  }
}
