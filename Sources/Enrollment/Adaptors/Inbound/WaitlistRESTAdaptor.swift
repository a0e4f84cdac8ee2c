import EnrollmentCore
import JSON
import Kernel
import RESTSupport

/// `/waitlist`: students wait for a seat in a full course. One that is offered is taken by POST of
/// `/classes`.
package struct WaitlistRESTAdaptor: RESTAdaptor {
  private let port: any WaitlistPort
  private let links: Links

  package init(port: any WaitlistPort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    let port = self.port
    let waitlist = HALResource<WaitlistPlace, WaitlistKind>(
      "waitlist", item: "waitlistEntry", links: self.links, id: \.entry.id,
      fields: [
        "courseId": { .integer($0.entry.courseID.value) },
        "student": { .string($0.entry.student) },
        "state": { .string($0.entry.state.rawValue) },
        "position": { $0.position.map { .integer($0) } },
        "joinedAt": { .string($0.entry.joinedAt.rfc3339) },
        "offerExpiresAt": { $0.entry.offerExpiresAt.map { .string($0.rfc3339) } },
        "classId": { $0.entry.classID.map { .integer($0.value) } },
      ])
    routes.resource(waitlist) { resource in
      resource.list { page, request in try await port.places(page, by: request.caller) }
      resource.create { request in
        let command = try JoinWaitlist(request)
        return try await port.join(
          command, by: request.caller, key: try request.idempotencyKey())
      }
      resource.get { id, request in try await port.place(id, by: request.caller) }
      resource.delete { id, request in try await port.leave(id, by: request.caller) }
      resource.pagedSearch("findByStudent", by: "student") { query, page, request in
        try await port.places(ofStudent: query.text("student"), page, by: request.caller)
      }
      resource.pagedSearch("findByCourse", by: "courseId") { query, page, request in
        try await port.places(ofCourse: query.id("courseId"), page, by: request.caller)
      }
    }
  }
}

extension JoinWaitlist {
  fileprivate init(_ request: RESTRequest) throws {
    var fields = try request.fields()
    let courseID: CourseID = fields.id("courseId")
    let student = fields.person("student", of: request.caller)
    try fields.finish()
    self.init(courseID: courseID, student: student)
  }
}
