import Kernel

/// Where courses and deliveries are kept. Reads see what was committed.
package protocol CourseStore: Sendable {
  /// Runs `work` all or not at all. What it saved and raised is durable on return.
  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any CourseTransaction) throws -> Answer
  ) async throws -> Answer

  func openCourse(_ id: CourseID) async throws -> Course?

  /// Neither closing nor canceled ones.
  func openCourses(_ page: PageRequest) async throws -> Page<Course>

  /// Courses that have been closing since before `limit`, or after `future`, the oldest first.
  func coursesClosing(
    since limit: Timestamp, orAfter future: Timestamp, atMost count: Int
  ) async throws -> [Course]

  /// Canceled courses whose classes may not all be canceled, by id.
  func coursesBeingCanceled(atMost count: Int) async throws -> [Course]

  func delivery(_ id: DeliveryID) async throws -> Delivery?

  func deliveries(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Delivery>

  func deliveries(of classID: ClassID) async throws -> [Delivery]
}

/// One unit of work on Course's store, valid only inside the closure it was given to.
package protocol CourseTransaction: CommandMemory, StudentMemory {
  /// An id that no course has had, not even a deleted one.
  func nextCourseID() throws -> CourseID

  /// Open or closing.
  func course(_ id: CourseID) throws -> Course?

  /// Inserts the course, or replaces the one with its id.
  func save(_ course: Course) throws

  func remove(_ id: CourseID) throws

  /// An id that no delivery has had.
  func nextDeliveryID() throws -> DeliveryID

  func delivery(of paymentID: PaymentID) throws -> Delivery?

  func deliveries(of classID: ClassID) throws -> [Delivery]

  /// Inserts the delivery, or replaces the one with its id.
  func save(_ delivery: Delivery) throws

  /// Publishes `event` if, and only if, this unit of work commits (trap T3).
  func raise(_ event: CourseEvent) throws
}
