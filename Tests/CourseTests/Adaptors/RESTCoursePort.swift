import AdaptorTestSupport
import CourseCore
import HTTPClientKit
import JSON
import Kernel

/// Course's port as a REST client sees it.
struct RESTCoursePort: CoursePort {
  let http: HTTPClient

  func register(
    _ command: RegisterCourse, by caller: Caller, key: IdempotencyKey?
  ) async throws -> Course {
    try Self.course(
      try await self.http.by(caller).send(
        "POST", "/courses",
        fields: [
          "name": .string(command.name), "teacher": .string(command.teacher),
          "fee": .integer(command.fee.won), "textBook": .string(command.textBook),
          "capacity": command.seats.capacity.map { .integer($0) },
          "maxPerStudent": .integer(command.seats.maxPerStudent),
        ], key: key, expecting: [201]))
  }

  func modify(
    _ id: CourseID, _ change: CourseChange, by caller: Caller
  ) async throws -> Course {
    // A limit is lifted by a PUT without it.
    if change.capacity == .unlimited { return try await self.replace(id, change) }
    return try Self.course(
      try await self.http.by(caller).send(
        "PATCH", "/courses/\(id)",
        fields: [
          "name": change.name.map { .string($0) }, "teacher": change.teacher.map { .string($0) },
          "fee": change.fee.map { .integer($0.won) },
          "textBook": change.textBook.map { .string($0) },
          "capacity": change.capacity?.seats.map { .integer($0) },
          "maxPerStudent": change.maxPerStudent.map { .integer($0) },
        ], expecting: [200]))
  }

  private func replace(_ id: CourseID, _ change: CourseChange) async throws -> Course {
    let details = try await self.course(id).details.applying(change)
    return try Self.course(
      try await self.http.send(
        "PUT", "/courses/\(id)",
        fields: [
          "name": .string(details.name), "teacher": .string(details.teacher),
          "fee": .integer(details.fee.won), "textBook": .string(details.textBook),
          "maxPerStudent": .integer(details.seats.maxPerStudent),
        ], expecting: [200]))
  }

  func delete(_ id: CourseID, by caller: Caller) async throws {
    try await self.http.by(caller).send("DELETE", "/courses/\(id)", expecting: 204)
  }

  func cancel(_ id: CourseID, by caller: Caller) async throws -> CourseCancellation {
    try Self.cancellation(
      try await self.http.by(caller).send(
        "POST", "/courses/\(id)/cancellation", fields: [:], expecting: [200, 202]))
  }

  func cancellation(_ id: CourseID, by caller: Caller) async throws -> CourseCancellation {
    try Self.cancellation(try await self.http.by(caller).resource("/courses/\(id)/cancellation"))
  }

  private static func cancellation(_ json: JSONValue) throws -> CourseCancellation {
    CourseCancellation(
      courseID: CourseID(try json.integer("courseId")),
      startedAt: try json.value("startedAt") { Timestamp(rfc3339: $0) },
      state: try json.value("state", CourseCancellation.State.init(rawValue:)),
      total: json["total"]?.int64, remaining: json["remaining"]?.int64)
  }

  func course(_ id: CourseID) async throws -> Course {
    try Self.course(try await self.http.resource("/courses/\(id)"))
  }

  func courses(_ page: PageRequest) async throws -> Page<Course> {
    try await self.http.page("/courses", page, items: "courses", Self.course)
  }

  func delivery(_ id: DeliveryID, by caller: Caller) async throws -> Delivery {
    try Self.delivery(try await self.http.by(caller).resource("/deliveries/\(id)"))
  }

  func deliveries(_ page: PageRequest, by caller: Caller) async throws -> Page<Delivery> {
    try await self.http.by(caller).page("/deliveries", page, items: "deliveries", Self.delivery)
  }

  func deliveries(of classID: ClassID, by caller: Caller) async throws -> [Delivery] {
    try await self.http.by(caller).list(
      "/deliveries/search/findByClassId?classId=\(classID)", items: "deliveries", Self.delivery)
  }

  private static func course(_ json: JSONValue) throws -> Course {
    Course(
      id: CourseID(try json.selfID()),
      details: try CourseDetails(
        name: try json.text("name"), teacher: try json.text("teacher"),
        fee: try Money(won: json.integer("fee")), textBook: try json.text("textBook"),
        seats: SeatLimits(
          capacity: json["capacity"]?.int64, maxPerStudent: json["maxPerStudent"]?.int64 ?? 1)),
      // REST says that it is canceled; since when, its cancellation says.
      cancellation: json["status"] == nil ? nil : Cancellation(startedAt: ManualWallClock().now()))
  }

  private static func delivery(_ json: JSONValue) throws -> Delivery {
    Delivery(
      id: DeliveryID(try json.selfID()),
      order: TextbookOrder(
        paymentID: PaymentID(try json.integer("paymentId")),
        classID: ClassID(try json.integer("classId")),
        courseID: CourseID(try json.integer("courseId")), student: try json.text("student"),
        textBook: try json.text("textBook")),
      status: try json.value("status", Delivery.Status.init(rawValue:)))
  }
}
