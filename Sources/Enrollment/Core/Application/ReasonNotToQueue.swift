import Kernel

/// Why the student could not enroll in the course as things stand, so that nobody waits in vain;
/// nil when nothing is known against it.
///
/// Whatever is added to the reasons for which a registration is refused belongs here too.
func reasonNotToQueue(
  _ student: String, for courseID: CourseID, in tx: any EnrollmentTransaction
) throws -> EnrollmentError? {
  switch try tx.course(courseID)?.state {
  case .closed: return .courseClosed(courseID)
  case .deleted: return .courseNotFound(courseID)
  case .open, nil: break
  }
  if try tx.activeEnrollment(of: student, in: courseID) != nil {
    return .alreadyEnrolled(courseID, student: student)
  }
  return nil
}
