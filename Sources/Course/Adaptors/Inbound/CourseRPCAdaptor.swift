import AdaptorSupport
import Contracts
import CourseCore
import FramedRPC
import Kernel

/// Lets FramedRPC drive Course's port.
package struct CourseRPCAdaptor: CourseV1.CourseServiceHandler {
  private let port: any CoursePort

  package init(port: any CoursePort) {
    self.port = port
  }

  package func createCourse(
    _ request: CourseV1.CreateCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.CreateCourseResponse {
    try await answering {
      let command = RegisterCourse(
        name: request.name, teacher: request.teacher,
        fee: try Money(won: request.fee, field: "fee"), textBook: request.textBook,
        seats: SeatLimits(
          capacity: request.capacity, maxPerStudent: request.maxPerStudent ?? 1))
      let course = try await self.port.register(
        command, by: Caller(context), key: try IdempotencyKey.optional(request.idempotencyKey))
      return CourseV1.CreateCourseResponse(course: CourseV1.Course(course))
    }
  }

  package func modifyCourse(
    _ request: CourseV1.ModifyCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.ModifyCourseResponse {
    try await answering {
      let change = CourseChange(
        name: request.name, teacher: request.teacher,
        fee: try request.fee.map { try Money(won: $0, field: "fee") },
        textBook: request.textBook,
        capacity: request.capacity.map { CapacityChange($0 == 0 ? nil : $0) },
        maxPerStudent: request.maxPerStudent)
      let course = try await self.port.modify(
        CourseID(request.id), change, by: Caller(context))
      return CourseV1.ModifyCourseResponse(course: CourseV1.Course(course))
    }
  }

  package func removeCourse(
    _ request: CourseV1.RemoveCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.RemoveCourseResponse {
    try await answering {
      try await self.port.delete(CourseID(request.id), by: Caller(context))
      return CourseV1.RemoveCourseResponse()
    }
  }

  package func cancelCourse(
    _ request: CourseV1.CancelCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.CancelCourseResponse {
    try await answering {
      let cancellation = try await self.port.cancel(CourseID(request.id), by: Caller(context))
      return CourseV1.CancelCourseResponse(
        cancellation: CourseV1.CourseCancellation(cancellation))
    }
  }

  package func getCourseCancellation(
    _ request: CourseV1.GetCourseCancellationRequest, _ context: RPCContext
  ) async throws -> CourseV1.GetCourseCancellationResponse {
    try await answering {
      let cancellation = try await self.port.cancellation(CourseID(request.id), by: Caller(context))
      return CourseV1.GetCourseCancellationResponse(
        cancellation: CourseV1.CourseCancellation(cancellation))
    }
  }

  package func getCourse(
    _ request: CourseV1.GetCourseRequest, _ context: RPCContext
  ) async throws -> CourseV1.GetCourseResponse {
    try await answering {
      let course = try await self.port.course(CourseID(request.id))
      return CourseV1.GetCourseResponse(course: CourseV1.Course(course))
    }
  }

  package func listCourses(
    _ request: CourseV1.ListCoursesRequest, _ context: RPCContext
  ) async throws -> CourseV1.ListCoursesResponse {
    try await answering {
      let page = try await self.port.courses(PageRequest(request.page))
      return CourseV1.ListCoursesResponse(
        courses: page.items.map(CourseV1.Course.init), total: Int64(page.totalElements))
    }
  }

  package func getDelivery(
    _ request: CourseV1.GetDeliveryRequest, _ context: RPCContext
  ) async throws -> CourseV1.GetDeliveryResponse {
    try await answering {
      let delivery = try await self.port.delivery(DeliveryID(request.id), by: Caller(context))
      return CourseV1.GetDeliveryResponse(delivery: CourseV1.Delivery(delivery))
    }
  }

  package func listDeliveries(
    _ request: CourseV1.ListDeliveriesRequest, _ context: RPCContext
  ) async throws -> CourseV1.ListDeliveriesResponse {
    try await answering {
      let page = try await self.port.deliveries(PageRequest(request.page), by: Caller(context))
      return CourseV1.ListDeliveriesResponse(
        deliveries: page.items.map(CourseV1.Delivery.init), total: Int64(page.totalElements))
    }
  }

  package func findDeliveries(
    _ request: CourseV1.FindDeliveriesRequest, _ context: RPCContext
  ) async throws -> CourseV1.FindDeliveriesResponse {
    try await answering {
      let deliveries = try await self.port.deliveries(
        of: ClassID(request.classID), by: Caller(context))
      return CourseV1.FindDeliveriesResponse(deliveries: deliveries.map(CourseV1.Delivery.init))
    }
  }
}
