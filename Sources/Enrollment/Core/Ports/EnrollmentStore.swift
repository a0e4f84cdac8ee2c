import Kernel

/// Where enrollments and the copies of courses are kept. Reads see what was committed.
package protocol EnrollmentStore: WaitlistStore {
  /// Runs `work` all or not at all. What it saved and raised is durable on return.
  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any EnrollmentTransaction) throws -> Answer
  ) async throws -> Answer

  /// Whatever its status.
  func enrollment(_ id: ClassID) async throws -> Enrollment?

  /// The registered and the pending ones.
  func activeEnrollments(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Enrollment>

  /// Whatever their status.
  func enrollments(ofStudent student: String, _ page: PageRequest) async throws -> Page<Enrollment>

  /// Pending ones accepted before `limit`, or after `future`, the oldest first.
  func pendingEnrollments(
    acceptedBefore limit: Timestamp, orAfter future: Timestamp, atMost count: Int
  ) async throws -> [Enrollment]

  /// As ``EnrollmentAuditPort/enrollments(after:through:atMost:)``.
  func enrollments(
    after first: ClassID, through last: ClassID?, atMost count: Int
  ) async throws -> [Enrollment]

  /// Canceled courses that somebody is in, by id.
  func coursesBeingCanceled(atMost count: Int) async throws -> [CourseID]

  func cancellationProgress(of courseID: CourseID) async throws -> CancellationProgress
}

/// One unit of work on Enrollment's store, valid only inside the closure it was given to.
package protocol EnrollmentTransaction: CommandMemory, WaitlistTransaction {
  /// One moment for everything that the unit does.
  var now: Timestamp { get }

  /// An id that no class has had.
  func nextClassID() throws -> ClassID

  /// Whatever its status.
  func enrollment(_ id: ClassID) throws -> Enrollment?

  /// How many registered and pending ones there are; `most` when there are more.
  func activeClasses(
    of student: String, in courseID: CourseID, countingTo most: Int64
  ) throws -> Int64

  func hasActiveEnrollments(in courseID: CourseID) throws -> Bool

  /// Some registered and pending ones.
  func activeClasses(in courseID: CourseID, atMost count: Int) throws -> [ClassID]

  /// Inserts the enrollment, or replaces the one with its id.
  func save(_ enrollment: Rostered<Enrollment>) throws

  func course(_ id: CourseID) throws -> OfferedCourse?

  /// Inserts the course, or replaces the one with its id.
  func save(_ course: Rostered<OfferedCourse>) throws

  /// Uses up the turn of a waiting ticket.
  ///
  /// - Throws: ``WaitingRoomError/ticketOver(_:)`` when the stored ticket is no longer good.
  func useUp(_ turn: WaitingTicket) throws

  /// Undoes ``useUp(_:)``: the ticket is as `turn` says, good once more or given up meanwhile.
  func giveBack(_ turn: WaitingTicket) throws

  /// Publishes `event` if, and only if, this unit of work commits (trap T3).
  func raise(_ event: EnrollmentEvent) throws
}
