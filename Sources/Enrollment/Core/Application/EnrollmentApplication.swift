import Kernel

/// Enrollment as its callers see it: every use case, on one store, Pay and the course catalog.
package struct EnrollmentApplication: EnrollmentPort {
  private let store: any EnrollmentStore
  private let enrollStudent: EnrollStudent
  private let seats: SeatPolicy
  private let clock: any WallClock
  private let waitingRoom: WaitingRoom?

  /// - Parameter waitingRoom: The door; nil lets everybody in.
  package init(
    store: any EnrollmentStore, gateway: any PaymentGateway, catalog: any CourseCatalog,
    clock: any WallClock, seats: SeatPolicy = .standard, waitingRoom: WaitingRoom? = nil
  ) {
    self.store = store
    self.enrollStudent = EnrollStudent(
      store: store, gateway: gateway, catalog: catalog, seats: seats)
    self.seats = seats
    self.clock = clock
    self.waitingRoom = waitingRoom
  }

  package func register(
    _ command: RegisterClass, by caller: Caller, key: IdempotencyKey?
  ) async throws -> Enrollment {
    let command = command.of(try caller.name(command.student, as: .student))
    let key = key.map { command.commandKey($0, of: caller) }
    func register(_ turn: HeldTurn?) async throws -> Enrollment {
      try await self.enrollStudent.perform(
        command, as: key, with: turn, at: self.clock.now(), because: caller.cause)
    }
    guard let waitingRoom = self.waitingRoom else { return try await register(nil) }
    return try await waitingRoom.admit(command, as: key, because: caller.cause, register)
  }

  package func modify(
    _ id: ClassID, _ change: ClassChange, by caller: Caller
  ) async throws -> Enrollment {
    let command = ModifyClass(id, change, seats: self.seats)
    let enrollment = try await self.store.transact(because: caller.cause) { tx in
      try Self.requireOwner(of: id, caller, in: tx)
      // Nobody is given a class without being asked, but by an operator.
      if let student = change.student {
        try caller.requireOwner(student.normalized, of: "the classes of another student")
      }
      let enrollment = try command.perform(in: tx)
      CrashPoint.reached(.modifyClassCommits)
      return enrollment
    }
    CrashPoint.reached(.classModified)
    return enrollment
  }

  package func cancel(_ id: ClassID, by caller: Caller) async throws {
    let command = CancelClass(id, seats: self.seats)
    try await self.store.transact(because: caller.cause) { tx in
      try Self.requireOwner(of: id, caller, in: tx)
      try command.perform(in: tx)
      CrashPoint.reached(.cancelClassCommits)
    }
    CrashPoint.reached(.classCanceled)
  }

  /// Another student's class is as good as none (traps T22, T27).
  private static func requireOwner(
    of id: ClassID, _ caller: Caller, in tx: any EnrollmentTransaction
  ) throws {
    guard caller.onlyOwner != nil else { return }
    guard let enrollment = try tx.enrollment(id), caller.owns(enrollment.student) else {
      throw EnrollmentError.notFound(id)
    }
  }

  package func close(_ courseID: CourseID, by caller: Caller) async throws {
    try caller.requireSystem()
    try await self.store.transact(because: caller.cause) { tx in
      try CloseCourse(courseID).perform(in: tx)
      CrashPoint.reached(.closeCourseCommits)
    }
    CrashPoint.reached(.courseClosed)
  }

  package func cancellationProgress(
    of courseID: CourseID, by caller: Caller
  ) async throws -> CancellationProgress {
    try caller.requireSystem()
    return try await self.store.cancellationProgress(of: courseID)
  }

  package func enrollment(_ id: ClassID, by caller: Caller) async throws -> Enrollment {
    guard let enrollment = try await self.store.enrollment(id), enrollment.status != .canceled,
      caller.owns(enrollment.student)
    else {
      throw EnrollmentError.notFound(id)
    }
    return enrollment
  }

  package func enrollments(_ page: PageRequest, by caller: Caller) async throws -> Page<Enrollment>
  {
    try await self.store.activeEnrollments(page, ofStudent: caller.onlyOwner)
  }

  package func enrollments(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<Enrollment> {
    let student = student.normalized
    try caller.requireOwner(student, of: "the classes of another student")
    return try await self.store.enrollments(ofStudent: student, page)
  }
}
