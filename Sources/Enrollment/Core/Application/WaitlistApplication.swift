import Kernel

/// The lines for full courses as their callers see them.
package struct WaitlistApplication: WaitlistPort {
  private let store: any EnrollmentStore
  private let catalog: any CourseCatalog
  private let seats: SeatPolicy

  package init(
    store: any EnrollmentStore, catalog: any CourseCatalog, seats: SeatPolicy = .standard
  ) {
    self.store = store
    self.catalog = catalog
    self.seats = seats
  }

  package func join(
    _ command: JoinWaitlist, by caller: Caller, key: IdempotencyKey?
  ) async throws -> WaitlistPlace {
    let command = JoinWaitlist(
      courseID: command.courseID, student: try caller.name(command.student, as: .student))
    let key = key.map { command.commandKey($0, of: caller) }
    var lookup: CatalogLookup? = nil
    while true {
      let take = TakePlace(command: command, key: key, lookup: lookup, seats: self.seats)
      let answer = try await self.store.transact(because: caller.cause) { tx in
        let answer = try take.perform(in: tx)
        CrashPoint.reached(.joinWaitlistCommits)
        return answer
      }
      CrashPoint.reached(.waitlistJoined)
      switch answer {
      case .placed(let place): return place
      case .refused(let refusal): throw refusal
      case .askCatalog(let seenVersion):
        lookup = CatalogLookup(
          answer: await self.catalog.offer(of: command.courseID, because: caller.cause),
          seenVersion: seenVersion)
      }
    }
  }

  package func leave(_ id: WaitlistID, by caller: Caller) async throws {
    let seats = self.seats
    try await self.store.transact(because: caller.cause) { tx in
      guard let entry = try tx.entry(id), caller.owns(entry.student) else {
        throw EnrollmentError.placeNotFound(id)
      }
      try Roster(in: tx, seats).leave(entry)
      CrashPoint.reached(.leaveWaitlistCommits)
    }
    CrashPoint.reached(.waitlistLeft)
  }

  package func place(_ id: WaitlistID, by caller: Caller) async throws -> WaitlistPlace {
    guard let place = try await self.store.place(id), place.entry.state != .left,
      caller.owns(place.entry.student)
    else {
      throw EnrollmentError.placeNotFound(id)
    }
    return place
  }

  package func places(_ page: PageRequest, by caller: Caller) async throws -> Page<WaitlistPlace> {
    try await self.store.places(page, liveOfStudent: caller.onlyOwner)
  }

  package func places(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<WaitlistPlace> {
    let student = student.normalized
    try caller.requireOwner(student, of: "the places of another student")
    return try await self.store.places(ofStudent: student, page)
  }

  package func places(
    ofCourse courseID: CourseID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<WaitlistPlace> {
    try caller.require(.instructor)
    return try await self.store.places(ofCourse: courseID, page)
  }
}
