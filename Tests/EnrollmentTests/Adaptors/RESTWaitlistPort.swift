import AdaptorTestSupport
import EnrollmentCore
import HTTPClientKit
import JSON
import Kernel
import RESTSupport

/// The port of the lines for full courses as a REST client sees it.
struct RESTWaitlistPort: WaitlistPort {
  let http: HTTPClient

  func join(
    _ command: JoinWaitlist, by caller: Caller, key: IdempotencyKey?
  ) async throws -> WaitlistPlace {
    try self.place(
      try await self.http.by(caller).send(
        "POST", "/waitlist",
        fields: [
          "courseId": .integer(command.courseID.value), "student": .string(command.student),
        ], key: key, expecting: [201]))
  }

  func leave(_ id: WaitlistID, by caller: Caller) async throws {
    try await self.http.by(caller).send("DELETE", "/waitlist/\(id)", expecting: 204)
  }

  func place(_ id: WaitlistID, by caller: Caller) async throws -> WaitlistPlace {
    try self.place(try await self.http.by(caller).resource("/waitlist/\(id)"))
  }

  func places(_ page: PageRequest, by caller: Caller) async throws -> Page<WaitlistPlace> {
    try await self.http.by(caller).page("/waitlist", page, items: "waitlist", self.place)
  }

  func places(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<WaitlistPlace> {
    let encoded = Links(publicBaseURL: "").href(student).dropFirst()
    return try await self.http.by(caller).page(
      "/waitlist/search/findByStudent?student=\(encoded)", page, items: "waitlist", self.place)
  }

  func places(
    ofCourse courseID: CourseID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<WaitlistPlace> {
    try await self.http.by(caller).page(
      "/waitlist/search/findByCourse?courseId=\(courseID)", page, items: "waitlist", self.place)
  }

  private func place(_ json: JSONValue) throws -> WaitlistPlace {
    WaitlistPlace(
      WaitlistEntry(
        id: WaitlistID(try json.selfID()), courseID: CourseID(try json.integer("courseId")),
        student: try json.text("student"),
        state: try json.value("state", WaitlistEntry.State.init(rawValue:)),
        joinedAt: try json.value("joinedAt", Timestamp.init(rfc3339:)),
        offerExpiresAt: json["offerExpiresAt"]?.string.flatMap(Timestamp.init(rfc3339:)),
        classID: json["classId"]?.int64.map { ClassID($0) }),
      position: json["position"]?.int64)
  }
}
