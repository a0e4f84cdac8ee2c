import CourseAdaptors
import CourseCore
import EnrollmentAdaptors
import EnrollmentCore
import Kernel

/// More students than seats: what teachers and students do about it.
extension Users {
  // MARK: Teachers

  func chooseSeats() -> CourseCore.SeatLimits {
    guard self.isCrowded, self.scheduler.random.chance(850) else { return .standard }
    return CourseCore.SeatLimits(
      capacity: self.chooseCapacity(),
      maxPerStudent: self.scheduler.random.one(of: [1, 1, 1, 2, 0]))
  }

  private func chooseCapacity() -> Int64 {
    self.scheduler.random.one(of: [1, 1, 2, 3])
  }

  /// More seats, fewer seats, no limit; several times.
  func changeSeats(_ index: Int) async {
    for _ in 0..<self.scheduler.random.below(4) {
      let capacity: CapacityChange =
        self.scheduler.random.chance(150) ? .unlimited : .limited(to: self.chooseCapacity())
      let most: Int64? =
        self.scheduler.random.chance(200) ? Int64(self.scheduler.random.below(3)) : nil
      await self.change(index, CourseChange(capacity: capacity, maxPerStudent: most))
      await self.wait(100_000...2_000_000)
    }
  }

  /// Ends a course with whoever is in it or waits for it.
  func cancel(_ index: Int) async {
    guard let course = self.world.history.courses[index].course else { return }
    for _ in 0..<3 {
      let caller = self.caller("teacher")
      let told = await self.ask { try await self.courses.cancel(course.id, by: caller) }
      self.world.history.cancellations.append(
        Attempt(requestID: caller.requestID, target: course.id, told: told))
      if !told.isInDoubt { return }
      await self.wait(100_000...2_000_000)
    }
  }

  // MARK: Students

  func queueIfFull(_ index: Int, _ number: Int) async {
    let intent = self.world.history.enrollments[index]
    let isFull =
      intent.attempts.contains { $0.told.code == "course-full" }
      || self.world.history.tickets.contains {
        $0.student == intent.student && $0.courseID == intent.courseID
          && $0.told.code == "course-full"
      }
    guard isFull, self.scheduler.random.chance(800) else { return }
    let key = self.scheduler.random.chance(600) ? "\(intent.student)-\(number)" : nil
    guard let place = await self.join(intent.student, intent.courseID, key: key) else { return }
    await self.hold(place.entry, number)
  }

  func join(_ student: String, _ course: CourseID, key: String?) async -> WaitlistPlace? {
    let key = key.flatMap { try? IdempotencyKey($0) }
    let index = self.world.history.joins.count
    self.world.history.joins.append(JoinIntent(student: student, courseID: course, key: key))
    for _ in 0..<4 {
      let caller = self.caller(student)
      let told = await self.ask {
        try await self.waitlist.join(
          JoinWaitlist(courseID: course, student: student), by: caller, key: key)
      }
      self.world.history.joins[index].attempts.append((caller.requestID, told))
      if let place = told.answer { return place }
      guard told.isInDoubt, key != nil else { return nil }
      await self.wait(100_000...1_000_000)
    }
    return nil
  }

  /// Looks at the place from time to time, and takes the seat, or does not, or loses patience.
  private func hold(_ entry: WaitlistEntry, _ number: Int) async {
    for _ in 0..<8 {
      await self.wait(200_000...2_000_000)
      guard let seen = await self.look(at: entry) else { continue }
      switch seen.entry.state {
      case .waiting:
        if self.scheduler.random.chance(60) { return await self.leave(entry) }
      case .offered:
        switch self.scheduler.random.below(10) {
        case 0: return await self.leave(entry)
        case 1, 2: return
        default: return await self.take(entry, number)
        }
      case .taken, .expired, .left, .closed:
        return
      }
    }
    if self.scheduler.random.chance(400) { await self.leave(entry) }
  }

  private func look(at entry: WaitlistEntry) async -> WaitlistPlace? {
    let caller = self.caller(entry.student)
    let told = await self.ask { try await self.waitlist.place(entry.id, by: caller) }
    self.world.history.looks.append(
      Attempt(requestID: caller.requestID, target: entry.id, told: told))
    return told.answer
  }

  private func take(_ entry: WaitlistEntry, _ number: Int) async {
    // Some come too late.
    if self.scheduler.random.chance(200) { await self.wait(1_000_000...5_000_000) }
    let key = self.scheduler.random.chance(600) ? "\(entry.student)-seat-\(number)" : nil
    let index = self.wish(entry.student, entry.courseID, key)
    await self.enroll(index)
    guard let enrollment = self.answer(index) else { return }
    await self.wait(0...1_500_000)
    await self.goOn(with: enrollment, as: entry.student, number)
  }

  private func leave(_ entry: WaitlistEntry) async {
    for _ in 0..<3 {
      let caller = self.caller(entry.student)
      let told = await self.ask { () async throws -> Done in
        try await self.waitlist.leave(entry.id, by: caller)
        return Done()
      }
      self.world.history.leaves.append(
        Attempt(requestID: caller.requestID, target: entry.id, told: told))
      if !told.isInDoubt { return }
      await self.wait(100_000...1_000_000)
    }
  }
}
