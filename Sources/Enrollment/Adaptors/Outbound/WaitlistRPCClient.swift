import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// The port of the lines for full courses, answered by a class service over the wire.
package struct WaitlistRPCClient: WaitlistPort {
  private static let service = "class"

  private let client: EnrollmentV1.WaitlistServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = EnrollmentV1.WaitlistServiceClient(channel)
    self.timeout = timeout
  }

  package func join(
    _ command: JoinWaitlist, by caller: Caller, key: IdempotencyKey?
  ) async throws -> WaitlistPlace {
    let request = EnrollmentV1.JoinWaitlistRequest(
      courseID: command.courseID.value, student: command.student,
      idempotencyKey: key?.value ?? "")
    return try await asking(Self.service) {
      let answer = try await self.client.joinWaitlist(
        request, options: caller.options(timeout: self.timeout))
      return try WaitlistPlace(try required(answer.entry, "entry"))
    }
  }

  package func leave(_ id: WaitlistID, by caller: Caller) async throws {
    _ = try await asking(Self.service) {
      try await self.client.leaveWaitlist(
        EnrollmentV1.LeaveWaitlistRequest(id: id.value),
        options: caller.options(timeout: self.timeout))
    }
  }

  package func place(_ id: WaitlistID, by caller: Caller) async throws -> WaitlistPlace {
    try await asking(Self.service) {
      let answer = try await self.client.getWaitlistEntry(
        EnrollmentV1.GetWaitlistEntryRequest(id: id.value),
        options: caller.options(timeout: self.timeout))
      return try WaitlistPlace(try required(answer.entry, "entry"))
    }
  }

  package func places(_ page: PageRequest, by caller: Caller) async throws -> Page<WaitlistPlace> {
    try await asking(Self.service) {
      let answer = try await self.client.listWaitlist(
        EnrollmentV1.ListWaitlistRequest(page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return try Self.page(answer.entries, answer.total, page)
    }
  }

  package func places(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<WaitlistPlace> {
    try await asking(Self.service) {
      let answer = try await self.client.findWaitlistOfStudent(
        EnrollmentV1.FindWaitlistOfStudentRequest(
          student: student, page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return try Self.page(answer.entries, answer.total, page)
    }
  }

  package func places(
    ofCourse courseID: CourseID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<WaitlistPlace> {
    try await asking(Self.service) {
      let answer = try await self.client.findWaitlistOfCourse(
        EnrollmentV1.FindWaitlistOfCourseRequest(
          courseID: courseID.value, page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return try Self.page(answer.entries, answer.total, page)
    }
  }

  private static func page(
    _ entries: [EnrollmentV1.WaitlistEntry], _ total: Int64, _ request: PageRequest
  ) throws -> Page<WaitlistPlace> {
    Page(
      items: try entries.map { try WaitlistPlace($0) }, totalElements: Int(total),
      request: request)
  }
}
