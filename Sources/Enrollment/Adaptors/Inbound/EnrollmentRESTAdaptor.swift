import EnrollmentCore
import JSON
import Kernel
import RESTSupport

/// `/classes`: students enroll, leave and look at their history.
package struct EnrollmentRESTAdaptor: RESTAdaptor {
  /// When to look again at a class whose payment is not known yet, in seconds.
  package static let pendingRetryAfterSeconds = 1

  private let port: any EnrollmentPort
  private let links: Links

  package init(port: any EnrollmentPort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    let port = self.port
    let links = self.links
    let classes = HALResource<Enrollment, ClassKind>(
      "classes", item: "class", links: self.links, id: \.id,
      fields: [
        "courseId": { .integer($0.courseID.value) },
        "fee": { .integer($0.terms.fee.won) },
        "student": { .string($0.student) },
        "textBook": { .string($0.terms.textBook) },
        // The seed's classes have no status: all of them are registered.
        "status": { $0.status == .registered ? nil : .string($0.status.rawValue) },
        "declineReason": { $0.declineReason.map { .string($0) } },
      ])
    routes.resource(classes) { resource in
      resource.list { page, request in try await port.enrollments(page, by: request.caller) }
      resource.post { request in
        let command = try RegisterClass(request)
        let key = try request.idempotencyKey()
        let enrollment = try await WaitingRoomRESTAdaptor.explaining(links) {
          try await port.register(command, by: request.caller, key: key)
        }
        return enrollment.status == .pending
          ? classes.accepted(enrollment, retryAfterSeconds: Self.pendingRetryAfterSeconds)
          : classes.created(enrollment)
      }
      resource.get { id, request in try await port.enrollment(id, by: request.caller) }
      resource.replace { id, request in
        try await port.modify(id, try ClassChange(replacing: request), by: request.caller)
      }
      resource.modify { id, request in
        try await port.modify(id, try ClassChange(modifying: request), by: request.caller)
      }
      resource.delete { id, request in try await port.cancel(id, by: request.caller) }
      resource.pagedSearch("findByStudent", by: "student") { query, page, request in
        try await port.enrollments(ofStudent: query.text("student"), page, by: request.caller)
      }
    }
  }
}

extension RegisterClass {
  /// A fee is what the student expects to pay; a text book is taken note of by nobody, since the
  /// course has one (trap T21).
  fileprivate init(_ request: RESTRequest) throws {
    var fields = try request.fields()
    let courseID: CourseID = fields.id("courseId")
    let fee = fields.optionalMoney("fee")
    let student = fields.person("student", of: request.caller)
    let textBook = fields.optionalString("textBook")
    try fields.finish()
    self.init(
      courseID: courseID, student: student, expectedFee: fee, saidTextBook: textBook,
      waitingTicket: request.header(WaitingRoomRESTAdaptor.ticketHeader))
  }
}

extension ClassChange {
  /// PATCH: what is not sent stays.
  fileprivate init(modifying request: RESTRequest) throws {
    var fields = try request.fields()
    let student = fields.optionalString("student")
    try self.init(student: student, termsOf: &fields)
  }

  /// PUT: the student is sent; the terms need not be, since they do not change (trap T34).
  fileprivate init(replacing request: RESTRequest) throws {
    var fields = try request.fields()
    let student = fields.string("student")
    try self.init(student: student, termsOf: &fields)
  }

  private init(student: String?, termsOf fields: inout FieldReader) throws {
    let courseID: CourseID? = fields.optionalID("courseId")
    let fee = fields.optionalMoney("fee")
    let textBook = fields.optionalString("textBook")
    try fields.finish()
    self.init(student: student, courseID: courseID, fee: fee, textBook: textBook)
  }
}
