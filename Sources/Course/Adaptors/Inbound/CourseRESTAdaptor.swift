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
      resource.list { page, _ in try await port.deliveries(page) }
      resource.get { id, _ in try await port.delivery(id) }
      resource.search("findByClassId", by: "classId") { query, _ in
        try await port.deliveries(of: query.id("classId"))
      }
    }
  }
}

extension RegisterCourse {
  fileprivate init(_ request: RESTRequest) throws {
    var fields = try request.fields()
    let name = fields.string("name")
    let teacher = fields.string("teacher")
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
