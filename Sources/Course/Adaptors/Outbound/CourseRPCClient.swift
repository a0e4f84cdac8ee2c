import AdaptorSupport
import Contracts
import CourseCore
import FramedRPC
import Kernel

/// Course's inbound port, answered by a course service over the wire.
package struct CourseRPCClient: CoursePort {
  private static let service = "course"

  private let client: CourseV1.CourseServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = CourseV1.CourseServiceClient(channel)
    self.timeout = timeout
  }

  private var options: CallOptions { CallOptions(timeout: self.timeout) }

  package func register(
    _ command: RegisterCourse, by caller: Caller, key: IdempotencyKey?
  ) async throws -> Course {
    let request = CourseV1.CreateCourseRequest(
      name: command.name, teacher: command.teacher, fee: command.fee.won,
      textBook: command.textBook, idempotencyKey: key?.value ?? "",
      capacity: command.seats.capacity, maxPerStudent: command.seats.maxPerStudent)
    // Without a key a repeat is a new wish.
    return try await asking(Self.service, mayRepeat: key != nil) {
      let answer = try await self.client.createCourse(
        request, options: caller.options(timeout: self.timeout))
      return try Course(try required(answer.course, "course"))
    }
  }

  package func modify(
    _ id: CourseID, _ change: CourseChange, by caller: Caller
  ) async throws -> Course {
    let request = CourseV1.ModifyCourseRequest(
      id: id.value, name: change.name, teacher: change.teacher, fee: change.fee?.won,
      textBook: change.textBook, capacity: change.capacity.map { $0.seats ?? 0 },
      maxPerStudent: change.maxPerStudent)
    return try await asking(Self.service) {
      let answer = try await self.client.modifyCourse(
        request, options: caller.options(timeout: self.timeout))
      return try Course(try required(answer.course, "course"))
    }
  }

  package func delete(_ id: CourseID, by caller: Caller) async throws {
    _ = try await asking(Self.service) {
      try await self.client.removeCourse(
        CourseV1.RemoveCourseRequest(id: id.value),
        options: caller.options(timeout: self.timeout))
    }
  }

  package func cancel(
    _ id: CourseID, by caller: Caller
  ) async throws -> CourseCancellation {
    try await asking(Self.service) {
      let answer = try await self.client.cancelCourse(
        CourseV1.CancelCourseRequest(id: id.value),
        options: caller.options(timeout: self.timeout))
      return try CourseCancellation(try required(answer.cancellation, "cancellation"))
    }
  }

  package func cancellation(_ id: CourseID, by caller: Caller) async throws -> CourseCancellation {
    try await asking(Self.service) {
      let answer = try await self.client.getCourseCancellation(
        CourseV1.GetCourseCancellationRequest(id: id.value),
        options: caller.options(timeout: self.timeout))
      return try CourseCancellation(try required(answer.cancellation, "cancellation"))
    }
  }

  package func course(_ id: CourseID) async throws -> Course {
    try await asking(Self.service) {
      let answer = try await self.client.getCourse(
        CourseV1.GetCourseRequest(id: id.value), options: self.options)
      return try Course(try required(answer.course, "course"))
    }
  }

  package func courses(_ page: PageRequest) async throws -> Page<Course> {
    try await asking(Self.service) {
      let answer = try await self.client.listCourses(
        CourseV1.ListCoursesRequest(page: CommonV1.PageRequest(page)), options: self.options)
      return Page(
        items: try answer.courses.map { try Course($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }

  package func delivery(_ id: DeliveryID, by caller: Caller) async throws -> Delivery {
    try await asking(Self.service) {
      let answer = try await self.client.getDelivery(
        CourseV1.GetDeliveryRequest(id: id.value), options: caller.options(timeout: self.timeout))
      return try Delivery(try required(answer.delivery, "delivery"))
    }
  }

  package func deliveries(_ page: PageRequest, by caller: Caller) async throws -> Page<Delivery> {
    try await asking(Self.service) {
      let answer = try await self.client.listDeliveries(
        CourseV1.ListDeliveriesRequest(page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.deliveries.map { try Delivery($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }

  package func deliveries(of classID: ClassID, by caller: Caller) async throws -> [Delivery] {
    try await asking(Self.service) {
      try await self.client.findDeliveries(
        CourseV1.FindDeliveriesRequest(classID: classID.value),
        options: caller.options(timeout: self.timeout)
      ).deliveries.map { try Delivery($0) }
    }
  }
}
