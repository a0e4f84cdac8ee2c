import Kernel

/// Why the student could not enroll in the course as things stand, so that nobody waits in vain;
/// nil when nothing is known against it.
///
/// Whatever is added to the reasons for which a registration is refused belongs here too. It only
/// looks: nothing is saved.
func reasonNotToQueue(
  _ student: String, for courseID: CourseID, in tx: any EnrollmentTransaction
) throws -> EnrollmentError? {
  let seats = SeatPolicy.standard
  do {
    let course = try CourseReading(courseID: courseID, lookup: nil, seats: seats)
      .openCourse(in: tx)
    try Roster(in: tx, seats).checkRoom(for: student, in: course)
    guard !course.hasSeatForNewcomer else { return nil }
    // Who waits for a seat in a full course does so on its waitlist.
    let entry = try tx.liveEntry(of: student, in: courseID)
    let hasOffer = entry.map { $0.state == .offered && !$0.isOverdue(at: tx.now) } ?? false
    return hasOffer ? nil : .courseFull(courseID)
  } catch {
    guard let reason = error as? EnrollmentError else { throw error }
    return reason
  }
}
