import Kernel

/// Something that was entered into the roster. Only ``Roster`` makes one and the store takes nothing
/// else, so that the compiler sees to it that no change forgets a seat.
package struct Rostered<Value: Hashable & Sendable>: Hashable, Sendable {
  package let value: Value

  fileprivate init(_ value: Value) {
    self.value = value
  }
}

/// Who has a seat in a course, and who is next: the one place where seats are taken, freed, kept for
/// those in line and counted.
///
/// A seat is taken by every active class and by every offer. Whenever one is free, the first in line
/// gets it in the same transaction; so nobody waits while a seat is free, and nobody overtakes.
struct Roster {
  private let tx: any EnrollmentTransaction
  private let policy: SeatPolicy

  init(in tx: any EnrollmentTransaction, _ policy: SeatPolicy) {
    self.tx = tx
    self.policy = policy
  }

  // MARK: Courses

  /// Saves what has become known of a course, and offers the seats that it frees.
  @discardableResult
  func keep(_ course: OfferedCourse) throws -> OfferedCourse {
    var course = course
    if course.state == .open {
      try self.offerFreeSeats(of: &course)
    } else {
      try self.closeLine(of: &course)
    }
    try self.tx.save(Rostered(course))
    return course
  }

  /// Takes nobody in any more, and notes how many classes there are to be canceled.
  func cancel(_ courseID: CourseID) throws {
    var course = try self.course(courseID)
    try self.closeLine(of: &course)
    course.cancel()
    try self.tx.save(Rostered(course))
  }

  // MARK: Classes

  /// - Throws: ``EnrollmentError/alreadyEnrolled(_:student:)`` when the student has as many classes
  ///   of the course as it allows (trap T17).
  func checkRoom(for student: String, in course: OfferedCourse) throws {
    let most = course.limits.maxPerStudent
    guard most > 0 else { return }
    guard try self.tx.activeClasses(of: student, in: course.id, countingTo: most) < most else {
      throw EnrollmentError.alreadyEnrolled(course.id, student: student)
    }
  }

  /// Saves a new pending class, with the seat that is kept for its student or a free one (trap T29).
  ///
  /// - Throws: ``EnrollmentError/courseFull(_:)``.
  func admit(_ enrollment: Enrollment, to course: OfferedCourse) throws {
    var course = course
    var entry = try self.tx.liveEntry(of: enrollment.student, in: course.id)
    if let late = entry, late.isOverdue(at: self.tx.now) {
      course = try self.expire(late, of: course)
      entry = nil
    }
    if var entry, entry.state == .offered {
      entry.take(by: enrollment.id)
      try self.tx.save(Rostered(entry))
    } else {
      guard course.hasSeatForNewcomer else { throw EnrollmentError.courseFull(course.id) }
      course.takeSeat()
      try self.tx.save(Rostered(course))
    }
    try self.tx.save(Rostered(enrollment))
  }

  /// Saves a class as it has become; its seat is free when it is active no more.
  func update(_ enrollment: Enrollment, from before: Enrollment) throws {
    guard enrollment != before else { return }
    try self.tx.save(Rostered(enrollment))
    if before.isActive, !enrollment.isActive {
      var course = try self.course(enrollment.courseID)
      course.freeSeat()
      try self.keep(course)
    } else if before.student != enrollment.student {
      try self.leaveLineIfIn(enrollment.student, enrollment.courseID)
    }
  }

  /// A student who was given a class waits no longer for what the course would not allow.
  private func leaveLineIfIn(_ student: String, _ courseID: CourseID) throws {
    guard let entry = try self.tx.liveEntry(of: student, in: courseID) else { return }
    let most = try self.course(courseID).limits.maxPerStudent
    guard most > 0,
      try self.tx.activeClasses(of: student, in: courseID, countingTo: most) >= most
    else { return }
    try self.leave(entry)
  }

  // MARK: The line

  /// The caller has checked that the student may wait.
  func join(_ student: String, _ course: OfferedCourse) throws -> WaitlistPlace {
    var course = course
    let entry = WaitlistEntry(
      id: try self.tx.nextWaitlistID(), courseID: course.id, student: student,
      joinedAt: self.tx.now)
    course.joinLine()
    try self.tx.save(Rostered(entry))
    try self.tx.save(Rostered(course))
    return WaitlistPlace(entry, position: course.waiting)
  }

  /// Does nothing when the place is not in line any more.
  func leave(_ entry: WaitlistEntry) throws {
    guard entry.isLive else { return }
    var course = try self.course(entry.courseID)
    try self.end(entry, .left, of: &course)
    try self.keep(course)
  }

  /// The offer is over, and the next in line gets the seat.
  @discardableResult
  func expire(_ entry: WaitlistEntry, of course: OfferedCourse? = nil) throws -> OfferedCourse {
    var course = try course ?? self.course(entry.courseID)
    guard entry.state == .offered else { return course }
    try self.end(entry, .expired, of: &course)
    return try self.keep(course)
  }

  private func offerFreeSeats(of course: inout OfferedCourse) throws {
    while course.waiting > 0, course.hasFreeSeat {
      guard var entry = try self.tx.firstWaiting(in: course.id) else { return }
      entry.offer(until: self.tx.now.adding(seconds: self.policy.offerSeconds))
      course.keepSeatForNext()
      try self.tx.save(Rostered(entry))
      try self.tx.raise(.seatOffered(SeatOffered(entry: entry)))
    }
  }

  private func closeLine(of course: inout OfferedCourse) throws {
    for entry in try self.tx.liveEntries(in: course.id) {
      try self.end(entry, .closed, of: &course)
    }
  }

  /// Ends a live place; whose offer ends by somebody else's doing is told so.
  private func end(
    _ entry: WaitlistEntry, _ state: WaitlistEntry.State, of course: inout OfferedCourse
  ) throws {
    var ended = entry
    ended.end(state)
    try self.tx.save(Rostered(ended))
    guard entry.state == .offered else {
      course.leaveLine()
      return
    }
    course.freeSeat()
    if state != .left { try self.tx.raise(.seatOfferExpired(SeatOfferExpired(entry: ended))) }
  }

  private func course(_ id: CourseID) throws -> OfferedCourse {
    try self.tx.course(id) ?? OfferedCourse(id: id)
  }
}
