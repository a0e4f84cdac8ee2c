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
      maxPerStudent: course.details.seats.maxPerStudent)
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
            capacity: message.capacity, maxPerStudent: message.maxPerStudent ?? 1)))
    } catch {
      throw RPCError(.internal, "course \(message.id) is no course: \(error)")
    }
  }
}
