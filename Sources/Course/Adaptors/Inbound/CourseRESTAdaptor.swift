import CourseCore
import JSON
import Kernel
import RESTSupport

/// `/courses`, which teachers write, and `/deliveries`, which only payments write (trap T23).
package struct CourseRESTAdaptor: RESTAdaptor {
  private let port: any CoursePort
  private let links: Links

  package init(port: any CoursePort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    self.addCourses(to: routes)
    self.addCancellations(to: routes)
    self.addDeliveries(to: routes)
  }

  private func addCourses(to routes: Routes) {
    let port = self.port
    let courses = HALResource<Course, CourseKind>(
      "courses", item: "course", links: self.links, id: \.id,
      fields: [
        "name": { .string($0.details.name) },
        "teacher": { .string($0.details.teacher) },
        "fee": { .integer($0.details.fee.won) },
        "textBook": { .string($0.details.textBook) },
        // The seed's courses have no limits: a course without any keeps its shape.
        "capacity": { $0.details.seats.capacity.map { .integer($0) } },
        "maxPerStudent": {
          $0.details.seats.maxPerStudent == 1 ? nil : .integer($0.details.seats.maxPerStudent)
        },
        // Nor have they a status: all of them are offered.
        "status": { $0.isCanceled ? "CANCELED" : nil },
      ])
    routes.resource(courses) { resource in
      resource.list { page, _ in try await port.courses(page) }
      resource.create { request in
        let command = try RegisterCourse(request)
        return try await port.register(
          command, by: request.caller, key: try request.idempotencyKey())
      }
      resource.get { id, _ in try await port.course(id) }
      resource.replace { id, request in
        try await port.modify(id, try CourseChange(replacing: request), by: request.caller)
      }
      resource.modify { id, request in
        try await port.modify(id, try CourseChange(modifying: request), by: request.caller)
      }
      resource.delete { id, request in try await port.delete(id, by: request.caller) }
    }
  }

  /// A course that is canceled, with all who are in it, is a resource of its own: it takes a while.
  private func addCancellations(to routes: Routes) {
    let port = self.port
    let links = self.links
    let path = "/courses/{id}/cancellation"
    routes.on(.post, path) { request in
      let cancellation = try await port.cancel(
        try request.pathID(of: "course"), by: request.caller)
      return cancellation.answer(links, whileCanceling: 202)
    }
    routes.on(.get, path) { request in
      try await port.cancellation(try request.pathID(of: "course"), by: request.caller)
        .answer(links, whileCanceling: 200)
    }
  }

  private func addDeliveries(to routes: Routes) {
    let port = self.port
    let deliveries = HALResource<Delivery, DeliveryKind>(
      "deliveries", item: "delivery", links: self.links, id: \.id,
      fields: [
        "classId": { .integer($0.order.classID.value) },
        "courseId": { .integer($0.order.courseID.value) },
        "paymentId": { .integer($0.order.paymentID.value) },
        "student": { .string($0.order.student) },
        "textBook": { .string($0.order.textBook) },
        "status": { .string($0.status.rawValue) },
      ])
    routes.resource(deliveries) { resource in
      resource.list { page, request in try await port.deliveries(page, by: request.caller) }
      resource.get { id, request in try await port.delivery(id, by: request.caller) }
      resource.search("findByClassId", by: "classId") { query, request in
        try await port.deliveries(of: query.id("classId"), by: request.caller)
      }
    }
  }
}

extension CourseCancellation {
  /// When to look again, in seconds.
  private static let retryAfterSeconds = 1

  fileprivate func answer(_ links: Links, whileCanceling status: Int) -> RESTResponse {
    let course = links.href("courses", self.courseID.description)
    let href = course + "/cancellation"
    var object = JSONObject()
    object.append("courseId", .integer(self.courseID.value))
    object.append("state", .string(self.state.rawValue))
    if let total = self.total { object.append("total", .integer(total)) }
    if let canceled = self.canceled { object.append("canceled", .integer(canceled)) }
    if let remaining = self.remaining { object.append("remaining", .integer(remaining)) }
    object.append("startedAt", .string(self.startedAt.rfc3339))
    object.append(
      "_links", ["self": ["href": .string(href)], "course": ["href": .string(course)]])
    guard self.state == .canceling else { return .hal(.object(object)).location(href) }
    return RESTResponse.hal(.object(object), status: status).location(href)
      .retryAfter(seconds: Self.retryAfterSeconds)
  }
}

extension RegisterCourse {
  fileprivate init(_ request: RESTRequest) throws {
    var fields = try request.fields()
    let name = fields.string("name")
    let teacher = fields.person("teacher", of: request.caller)
    let fee = fields.money("fee")
    let textBook = fields.optionalString("textBook")
    let capacity = fields.capacity()
    let maxPerStudent = fields.maxPerStudent()
    try fields.finish()
    self.init(
      name: name, teacher: teacher, fee: fee, textBook: textBook ?? "",
      seats: SeatLimits(capacity: capacity, maxPerStudent: maxPerStudent ?? 1))
  }
}

extension CourseChange {
  /// PATCH: what is not sent stays; a PUT without a capacity lifts it.
  fileprivate init(modifying request: RESTRequest) throws {
    var fields = try request.fields()
    let name = fields.optionalString("name")
    let teacher = fields.optionalString("teacher")
    let fee = fields.optionalMoney("fee")
    let textBook = fields.optionalString("textBook")
    let capacity = fields.capacity()
    let maxPerStudent = fields.maxPerStudent()
    try fields.finish()
    self.init(
      name: name, teacher: teacher, fee: fee, textBook: textBook,
      capacity: capacity.map { .limited(to: $0) }, maxPerStudent: maxPerStudent)
  }

  /// PUT: everything is sent; a course without a text book has none.
  fileprivate init(replacing request: RESTRequest) throws {
    let whole = try RegisterCourse(request)
    self.init(
      name: whole.name, teacher: whole.teacher, fee: whole.fee, textBook: whole.textBook,
      capacity: CapacityChange(whole.seats.capacity),
      maxPerStudent: whole.seats.maxPerStudent)
  }
}

extension FieldReader {
  fileprivate mutating func capacity() -> Int64? {
    self.optionalInt64("capacity", in: SeatLimits.capacityRange)
  }

  fileprivate mutating func maxPerStudent() -> Int64? {
    self.optionalInt64("maxPerStudent", in: SeatLimits.maxPerStudentRange)
  }
}
