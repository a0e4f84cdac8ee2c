import AdaptorTestSupport
import EnrollmentCore
import HTTPClientKit
import JSON
import Kernel
import RESTSupport

/// Enrollment's port as a REST client sees it; a course is closed by other means there.
struct RESTEnrollmentPort: EnrollmentPort {
  let http: HTTPClient
  let commands: any EnrollmentPort
  /// REST does not say when a class was accepted.
  let acceptedAt: Timestamp

  func register(
    _ command: RegisterClass, by caller: Caller, key: IdempotencyKey?
  ) async throws -> Enrollment {
    try self.enrollment(
      try await self.http.by(caller).send(
        "POST", "/classes",
        fields: [
          "courseId": .integer(command.courseID.value), "student": .string(command.student),
          "fee": command.expectedFee.map { .integer($0.won) },
          "textBook": command.saidTextBook.map { .string($0) },
        ], headers: ["Waiting-Room-Ticket": command.waitingTicket], key: key,
        expecting: [201, 202]))
  }

  func modify(
    _ id: ClassID, _ change: ClassChange, by caller: Caller
  ) async throws -> Enrollment {
    try self.enrollment(
      try await self.http.by(caller).send(
        "PATCH", "/classes/\(id)",
        fields: [
          "student": change.student.map { .string($0) },
          "courseId": change.courseID.map { .integer($0.value) },
          "fee": change.fee.map { .integer($0.won) },
          "textBook": change.textBook.map { .string($0) },
        ], expecting: [200]))
  }

  func cancel(_ id: ClassID, by caller: Caller) async throws {
    try await self.http.by(caller).send("DELETE", "/classes/\(id)", expecting: 204)
  }

  func enrollment(_ id: ClassID, by caller: Caller) async throws -> Enrollment {
    try self.enrollment(try await self.http.by(caller).resource("/classes/\(id)"))
  }

  func enrollments(_ page: PageRequest, by caller: Caller) async throws -> Page<Enrollment> {
    try await self.http.by(caller).page("/classes", page, items: "classes", self.enrollment)
  }

  func enrollments(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<Enrollment> {
    // The one public way to percent-encode here.
    let encoded = Links(publicBaseURL: "").href(student).dropFirst()
    return try await self.http.by(caller).page(
      "/classes/search/findByStudent?student=\(encoded)", page, items: "classes",
      self.enrollment)
  }

  func close(_ courseID: CourseID, by caller: Caller) async throws {
    try await self.commands.close(courseID, by: caller)
  }

  func cancellationProgress(
    of courseID: CourseID, by caller: Caller
  ) async throws -> CancellationProgress {
    try await self.commands.cancellationProgress(of: courseID, by: caller)
  }

  private func enrollment(_ json: JSONValue) throws -> Enrollment {
    let status =
      json["status"] == nil
      ? .registered : try json.value("status", Enrollment.Status.init(rawValue:))
    return Enrollment(
      id: ClassID(try json.selfID()), courseID: CourseID(try json.integer("courseId")),
      terms: CourseTerms(
        fee: try Money(won: json.integer("fee")), textBook: try json.text("textBook")),
      student: try json.text("student"), status: status,
      declineReason: json["declineReason"]?.string, acceptedAt: self.acceptedAt)
  }
}
