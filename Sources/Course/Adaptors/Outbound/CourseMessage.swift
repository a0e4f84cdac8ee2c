import Contracts
import CourseCore
import FramedRPC
import Kernel

extension CourseV1.Course {
  init(_ course: Course) {
    self.init(
      id: course.id.value, name: course.details.name, teacher: course.details.teacher,
      fee: course.details.fee.won, textBook: course.details.textBook,
      capacity: course.details.seats.capacity,
      maxPerStudent: course.details.seats.maxPerStudent,
      canceledAtUs: course.cancellation?.startedAt.microseconds)
  }
}

extension Course {
  /// - Throws: when the server sent what no course can be.
  init(_ message: CourseV1.Course) throws {
    do {
      self.init(
        id: CourseID(message.id),
        details: try CourseDetails(
          name: message.name, teacher: message.teacher, fee: try Money(won: message.fee),
          textBook: message.textBook,
          seats: SeatLimits(
            capacity: message.capacity, maxPerStudent: message.maxPerStudent ?? 1)),
        cancellation: message.canceledAtUs.map {
          Cancellation(startedAt: Timestamp(microseconds: $0))
        })
    } catch {
      throw RPCError(.internal, "course \(message.id) is no course: \(error)")
    }
  }
}

extension CourseV1.CourseCancellation {
  init(_ cancellation: CourseCancellation) {
    self.init(
      courseID: cancellation.courseID.value, state: cancellation.state.rawValue,
      startedAtUs: cancellation.startedAt.microseconds, total: cancellation.total,
      remaining: cancellation.remaining)
  }
}

extension CourseCancellation {
  /// - Throws: when the server sent what no cancellation can be.
  init(_ message: CourseV1.CourseCancellation) throws {
    guard let state = State(rawValue: message.state) else {
      throw RPCError(.internal, "'\(message.state)' is no state of a cancellation")
    }
    self.init(
      courseID: CourseID(message.courseID),
      startedAt: Timestamp(microseconds: message.startedAtUs), state: state,
      total: message.total, remaining: message.remaining)
  }
}
