import Kernel

/// Course as its callers see it: every use case, on one store and one enrollment desk.
package struct CourseApplication: CoursePort {
  private let store: any CourseStore
  private let desk: any EnrollmentDesk
  private let clock: any WallClock

  package init(store: any CourseStore, desk: any EnrollmentDesk, clock: any WallClock) {
    self.store = store
    self.desk = desk
    self.clock = clock
  }

  package func register(
    _ command: RegisterCourse, by caller: Caller, key: IdempotencyKey?
  ) async throws -> Course {
    let command = command.of(try caller.name(command.teacher, as: .instructor))
    let course = try await self.store.transact(because: caller.cause) { tx in
      let course = try command.perform(by: caller, key: key, in: tx)
      CrashPoint.reached(.registerCourseCommits)
      return course
    }
    CrashPoint.reached(.courseRegistered)
    return course
  }

  package func modify(
    _ id: CourseID, _ change: CourseChange, by caller: Caller
  ) async throws -> Course {
    let course = try await self.store.transact(because: caller.cause) { tx in
      try Self.requireTeacher(of: id, caller, in: tx)
      if let teacher = change.teacher {
        try caller.requireOwner(teacher.normalized, of: "the courses of another teacher")
      }
      let course = try ModifyCourse(id, change).perform(in: tx)
      CrashPoint.reached(.modifyCourseCommits)
      return course
    }
    CrashPoint.reached(.courseModified)
    return course
  }

  package func delete(_ id: CourseID, by caller: Caller) async throws {
    if caller.subject != nil {
      try await self.store.transact(because: caller.cause) { tx in
        try Self.requireTeacher(of: id, caller, in: tx)
      }
    }
    try await DeleteCourse(store: self.store, desk: self.desk)
      .perform(id, at: self.clock.now(), because: caller.cause)
  }

  package func cancel(
    _ id: CourseID, by caller: Caller
  ) async throws -> CourseCancellation {
    let now = self.clock.now()
    let cancellation = try await self.store.transact(because: caller.cause) { tx in
      try Self.requireTeacher(of: id, caller, in: tx)
      let cancellation = try CancelCourse(id).perform(at: now, in: tx)
      CrashPoint.reached(.cancelCourseCommits)
      return cancellation
    }
    CrashPoint.reached(.courseCanceled)
    return await self.status(of: id, cancellation, because: caller.cause)
  }

  package func cancellation(_ id: CourseID, by caller: Caller) async throws -> CourseCancellation {
    let course = try await self.course(id)
    try Self.requireTeacher(of: course, caller)
    guard let cancellation = course.cancellation else {
      throw CourseError.notCanceled(id)
    }
    let status = await self.status(
      of: id, cancellation, because: Cause(id: "look-at-cancellation-\(id)"))
    guard status.remaining != nil else { throw CourseError.progressUnknown(id) }
    return status
  }

  /// Everybody may look at a course, so that who may not change it is told so.
  private static func requireTeacher(
    of id: CourseID, _ caller: Caller, in tx: any CourseTransaction
  ) throws {
    guard caller.subject != nil else { return }
    guard let course = try tx.course(id) else { throw CourseError.notFound(id) }
    try self.requireTeacher(of: course, caller)
  }

  private static func requireTeacher(of course: Course, _ caller: Caller) throws {
    try caller.require(.instructor)
    try caller.requireOwner(course.details.teacher, of: "course \(course.id)")
  }

  /// Enrollment need not be asked once all classes are known to be canceled.
  private func status(
    of id: CourseID, _ cancellation: Cancellation, because cause: Cause
  ) async -> CourseCancellation {
    let progress =
      cancellation.classes == nil
      ? await self.desk.cancellationProgress(of: id, because: cause) : nil
    return CourseCancellation(id, cancellation, progress: progress)
  }

  package func course(_ id: CourseID) async throws -> Course {
    guard let course = try await self.store.openCourse(id) else {
      throw CourseError.notFound(id)
    }
    return course
  }

  package func courses(_ page: PageRequest) async throws -> Page<Course> {
    try await self.store.openCourses(page)
  }

  package func delivery(_ id: DeliveryID, by caller: Caller) async throws -> Delivery {
    guard let delivery = try await self.store.delivery(id), caller.owns(delivery.order.student)
    else {
      throw CourseError.deliveryNotFound(id)
    }
    return delivery
  }

  package func deliveries(_ page: PageRequest, by caller: Caller) async throws -> Page<Delivery> {
    try await self.store.deliveries(page, ofStudent: caller.onlyOwner)
  }

  package func deliveries(of classID: ClassID, by caller: Caller) async throws -> [Delivery] {
    try await self.store.deliveries(of: classID).filter { caller.owns($0.order.student) }
  }
}
