import Kernel

/// The command to note a course as it is offered, issued when a course was registered or modified.
package struct OfferCourse: Hashable, Sendable {
  package let courseID: CourseID
  package let offer: CourseOffer
  /// The event's sequence: older news does not replace newer.
  package let version: Int64
  private let seats: SeatPolicy

  package init(
    _ courseID: CourseID, _ offer: CourseOffer, version: Int64, seats: SeatPolicy = .standard
  ) {
    self.courseID = courseID
    self.offer = offer
    self.version = version
    self.seats = seats
  }

  package func perform(in tx: any EnrollmentTransaction) throws {
    var course = try tx.course(self.courseID) ?? OfferedCourse(id: self.courseID)
    course.learn(self.offer, version: self.version)
    try Roster(in: tx, self.seats).keep(course)
  }
}
