import EnrollmentCore
import Kernel

/// What most tests ask is asked by one who may see everything.
private let anybody = Caller(requestID: "test")

extension EnrollmentPort {
  func enrollment(_ id: ClassID) async throws -> Enrollment {
    try await self.enrollment(id, by: anybody)
  }

  func enrollments(_ page: PageRequest) async throws -> Page<Enrollment> {
    try await self.enrollments(page, by: anybody)
  }

  func enrollments(ofStudent student: String, _ page: PageRequest) async throws -> Page<Enrollment>
  {
    try await self.enrollments(ofStudent: student, page, by: anybody)
  }

  func cancellationProgress(of courseID: CourseID) async throws -> CancellationProgress {
    try await self.cancellationProgress(of: courseID, by: anybody)
  }
}

extension WaitlistPort {
  func place(_ id: WaitlistID) async throws -> WaitlistPlace {
    try await self.place(id, by: anybody)
  }

  func places(_ page: PageRequest) async throws -> Page<WaitlistPlace> {
    try await self.places(page, by: anybody)
  }

  func places(ofStudent student: String, _ page: PageRequest) async throws -> Page<WaitlistPlace> {
    try await self.places(ofStudent: student, page, by: anybody)
  }

  func places(ofCourse courseID: CourseID, _ page: PageRequest) async throws -> Page<WaitlistPlace>
  {
    try await self.places(ofCourse: courseID, page, by: anybody)
  }
}

extension WaitingRoomPort {
  func ticket(_ token: String) async throws -> WaitingStanding {
    try await self.ticket(token, by: anybody)
  }
}
