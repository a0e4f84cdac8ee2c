import AdaptorSupport
import Contracts
import CourseCore
import Kernel

extension CourseEvent {
  /// Course's events as the others read them: a course's are about the course, a delivery's about
  /// the class.
  func publish(in unit: SQLUnit) throws {
    switch self {
    case .courseRegistered(let event):
      let details = event.details
      try unit.raise(
        "CourseRegistered", about: .course(event.id),
        message: CourseV1.CourseRegistered(
          id: event.id.value, name: details.name, teacher: details.teacher, fee: details.fee.won,
          textBook: details.textBook, capacity: details.seats.capacity,
          maxPerStudent: details.seats.maxPerStudent))
    case .courseModified(let event):
      let details = event.details
      try unit.raise(
        "CourseModified", about: .course(event.id),
        message: CourseV1.CourseModified(
          id: event.id.value, name: details.name, teacher: details.teacher, fee: details.fee.won,
          textBook: details.textBook, capacity: details.seats.capacity,
          maxPerStudent: details.seats.maxPerStudent))
    case .courseDeleted(let event):
      try unit.raise(
        "CourseDeleted", about: .course(event.id),
        message: CourseV1.CourseDeleted(
          id: event.id.value, name: event.name, teacher: event.teacher))
    case .courseCanceled(let event):
      try unit.raise(
        "CourseCanceled", about: .course(event.id),
        message: CourseV1.CourseCanceled(
          id: event.id.value, name: event.name, teacher: event.teacher))
    case .textbookDeliveried(let event):
      let delivery = event.delivery
      let order = delivery.order
      try unit.raise(
        "TextbookDeliveried", about: .class(order.classID),
        message: CourseV1.TextbookDeliveried(
          id: delivery.id.value, classID: order.classID.value, paymentID: order.paymentID.value,
          courseID: order.courseID.value, student: order.student, textBook: order.textBook,
          status: delivery.status.rawValue))
    case .deliveryCanceled(let event):
      let delivery = event.delivery
      let order = delivery.order
      try unit.raise(
        "DeliveryCanceled", about: .class(order.classID),
        message: CourseV1.DeliveryCanceled(
          id: delivery.id.value, classID: order.classID.value, paymentID: order.paymentID.value,
          courseID: order.courseID.value, student: order.student, textBook: order.textBook,
          status: delivery.status.rawValue))
    }
  }
}
