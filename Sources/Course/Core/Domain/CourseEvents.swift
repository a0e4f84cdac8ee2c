import Kernel

/// What can happen in Course.
package enum CourseEvent: Hashable, Sendable {
  case courseRegistered(CourseRegistered)
  case courseModified(CourseModified)
  case courseDeleted(CourseDeleted)
  case courseCanceled(CourseCanceled)
  case textbookDeliveried(TextbookDeliveried)
  case deliveryCanceled(DeliveryCanceled)
}

/// A teacher offers a course.
package struct CourseRegistered: Hashable, Sendable {
  package let id: CourseID
  package let details: CourseDetails

  package init(id: CourseID, details: CourseDetails) {
    self.id = id
    self.details = details
  }
}

/// A teacher changed a course; who enrolled before keeps the old terms (trap T33).
package struct CourseModified: Hashable, Sendable {
  package let id: CourseID
  package let details: CourseDetails

  package init(id: CourseID, details: CourseDetails) {
    self.id = id
    self.details = details
  }
}

/// A course is gone. Nobody is enrolled in it.
package struct CourseDeleted: Hashable, Sendable {
  package let id: CourseID
  package let name: String
  package let teacher: String

  package init(id: CourseID, name: String, teacher: String) {
    self.id = id
    self.name = name
    self.teacher = teacher
  }
}

/// A course takes nobody in any more, and all who are in it are out (X1).
package struct CourseCanceled: Hashable, Sendable {
  package let id: CourseID
  package let name: String
  package let teacher: String

  package init(id: CourseID, name: String, teacher: String) {
    self.id = id
    self.name = name
    self.teacher = teacher
  }
}

/// A textbook is on its way. (The name is the seed's.)
package struct TextbookDeliveried: Hashable, Sendable {
  /// As it was at that moment.
  package let delivery: Delivery

  package init(delivery: Delivery) {
    self.delivery = delivery
  }
}

/// A textbook is not delivered after all.
package struct DeliveryCanceled: Hashable, Sendable {
  /// As it was at that moment.
  package let delivery: Delivery

  package init(delivery: Delivery) {
    self.delivery = delivery
  }
}
