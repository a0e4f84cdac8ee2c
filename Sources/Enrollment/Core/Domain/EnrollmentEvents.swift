/// What can happen in Enrollment.
package enum EnrollmentEvent: Hashable, Sendable {
  case classRegistered(ClassRegistered)
  case classModified(ClassModified)
  case classCanceled(ClassCanceled)
  case seatOffered(SeatOffered)
  case seatOfferExpired(SeatOfferExpired)
}

/// A student is in: the class is paid, or free.
package struct ClassRegistered: Hashable, Sendable {
  /// As it was at that moment.
  package let enrollment: Enrollment

  package init(enrollment: Enrollment) {
    self.enrollment = enrollment
  }
}

/// A registered class has another student.
package struct ClassModified: Hashable, Sendable {
  /// As it was at that moment.
  package let enrollment: Enrollment

  package init(enrollment: Enrollment) {
    self.enrollment = enrollment
  }
}

/// A student is out. What was paid is given back.
package struct ClassCanceled: Hashable, Sendable {
  /// As it was at that moment.
  package let enrollment: Enrollment

  package init(enrollment: Enrollment) {
    self.enrollment = enrollment
  }
}

/// A seat is kept for the next in line.
package struct SeatOffered: Hashable, Sendable {
  /// As it was at that moment.
  package let entry: WaitlistEntry

  package init(entry: WaitlistEntry) {
    self.entry = entry
  }
}

/// A seat is not kept any more for who was offered it.
package struct SeatOfferExpired: Hashable, Sendable {
  /// As it was at that moment.
  package let entry: WaitlistEntry

  package init(entry: WaitlistEntry) {
    self.entry = entry
  }
}
