import AdaptorSupport
import CourseAdaptors
import CourseCore
import EnrollmentAdaptors
import EnrollmentCore
import FramedRPC
import Kernel
import PayAdaptors
import SugangServices

/// The people who use the simulated system: teachers, students, and somebody who gives money back
/// by hand. Each is a task that does one thing after another, waits in between, and keeps what it
/// was told.
///
/// They come by the gateway's clients, over the faulty network.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
final class Users: @unchecked Sendable {
  static let fees: [Int64] = [0, 150, 5_000, 10_000, 25_000, 40_000]
  static let books = ["", "eng_book", "kor_book"]

  unowned let world: World
  let scheduler: Scheduler
  let courses: CourseRPCClient
  let classes: EnrollmentRPCClient
  let waitlist: WaitlistRPCClient
  let room: WaitingRoomRPCClient
  private let payments: PayRPCClient
  private var requests = 0
  /// In about half of the runs there are more students than seats.
  let isCrowded: Bool

  init(_ world: World) {
    func channel(_ name: ServiceName) -> SimulatedChannel {
      SimulatedChannel(world: world, caller: nil, target: name)
    }
    self.world = world
    self.scheduler = world.scheduler
    self.courses = CourseRPCClient(channel(.course))
    self.classes = EnrollmentRPCClient(channel(.class))
    self.waitlist = WaitlistRPCClient(channel(.class))
    self.room = WaitingRoomRPCClient(channel(.class))
    // Shorter than Pay is slow at times.
    self.payments = PayRPCClient(channel(.pay), timeout: .seconds(1))
    self.isCrowded = world.scheduler.random.chance(500)
  }

  func admit() {
    let students = (self.isCrowded ? 3 : 2) + self.scheduler.random.below(3)
    self.enter { await self.teach() }
    for number in 0..<students {
      self.enter { await self.study(as: "student\(number)") }
    }
  }

  func enter(_ life: @escaping @Sendable () async -> Void) {
    self.world.activeUsers += 1
    self.scheduler.spawn {
      await life()
      self.world.activeUsers -= 1
    }
  }

  func caller(_ name: String) -> Caller {
    self.requests += 1
    return Caller(name: name, requestID: "request-\(self.requests)")
  }

  func wait(_ range: ClosedRange<Int64>) async {
    await self.scheduler.sleep(self.scheduler.random.time(range))
  }

  /// Makes one request.
  func ask<Answer: Sendable>(
    _ request: () async throws -> Answer
  ) async -> Told<Answer> {
    let told: Told<Answer>
    do {
      told = .answer(try await request())
    } catch let problem as Problem {
      let isAnswer = problem.kind.isAnswer || problem.code == WaitingRoomError.waitCode
      told = isAnswer ? .refused(problem) : .inDoubt(problem.detail)
    } catch let error as ServiceFailure {
      // What was done is not known: an answer was garbled, or a handler failed.
      told = .inDoubt("\(error)")
    } catch let error as RPCError {
      told = .inDoubt("\(error)")
    } catch {
      self.world.violations.append(Violation(.i11, "a user was told \(error)"))
      told = .inDoubt("\(error)")
    }
    self.scheduler.note(told.answer != nil ? 3 : told.isInDoubt ? 5 : 7)
    return told
  }

  // MARK: Teachers

  private func teach() async {
    let count = 1 + self.scheduler.random.below(self.isCrowded ? 2 : 3)
    for number in 0..<count { await self.offer(number) }
    await self.wait(1_000_000...9_000_000)
    for index in self.world.history.courses.indices {
      if self.scheduler.random.chance(300) { await self.change(index) }
      if self.isCrowded { await self.changeSeats(index) }
      if self.scheduler.random.chance(250) { await self.cancel(index) }
      if self.scheduler.random.chance(300) { await self.delete(index) }
    }
  }

  private func offer(_ number: Int) async {
    // In a rush more often: a declined payment gives a turn back.
    let isDear = self.scheduler.random.chance(self.world.hasRush ? 200 : 80)
    let fee = isDear ? World.payLimitWon + 1 : self.scheduler.random.one(of: Self.fees)
    guard let fee = try? Money(won: fee), let key = try? IdempotencyKey("course-\(number)") else {
      preconditionFailure("no fee or key")
    }
    let command = RegisterCourse(
      name: "course \(number)", teacher: "teacher", fee: fee,
      textBook: self.scheduler.random.one(of: Self.books), seats: self.chooseSeats())
    let index = self.world.history.courses.count
    self.world.history.courses.append(CourseIntent(command: command))
    for _ in 0..<8 {
      let caller = self.caller("teacher")
      let told = await self.ask {
        try await self.courses.register(command, by: caller, key: key)
      }
      self.world.history.courses[index].attempts.append((caller.requestID, told))
      if !told.isInDoubt { return }
      await self.wait(50_000...800_000)
    }
  }

  private func change(_ index: Int) async {
    guard let fee = try? Money(won: self.scheduler.random.one(of: Self.fees)) else { return }
    let book = self.scheduler.random.one(of: Self.books)
    await self.change(index, CourseChange(fee: fee, textBook: book))
  }

  func change(_ index: Int, _ change: CourseChange) async {
    guard let course = self.world.history.courses[index].course else { return }
    let caller = self.caller("teacher")
    let told = await self.ask {
      try await self.courses.modify(course.id, change, by: caller)
    }
    self.world.history.courses[index].changes.append(
      CourseChanging(maxPerStudent: change.maxPerStudent, told: told))
  }

  private func delete(_ index: Int) async {
    guard let course = self.world.history.courses[index].course else { return }
    for _ in 0..<2 {
      let caller = self.caller("teacher")
      let told = await self.ask { () async throws -> Done in
        try await self.courses.delete(course.id, by: caller)
        return Done()
      }
      self.world.history.deletions.append(
        Attempt(requestID: caller.requestID, target: course.id, told: told))
      if !told.isInDoubt { return }
      await self.wait(100_000...3_000_000)
    }
  }

  // MARK: Students

  private func study(as name: String) async {
    for number in 0..<(1 + self.scheduler.random.below(3)) {
      await self.wait(50_000...3_000_000)
      guard let course = self.chooseCourse() else { continue }
      let key = self.scheduler.random.chance(600) ? "\(name)-\(number)" : nil
      let index = self.wish(name, course, key)
      if self.scheduler.random.chance(200) {
        // A double click: two requests at once, of one wish or of two.
        let other = key == nil ? self.wish(name, course, nil) : index
        self.enter { await self.enroll(other) }
      }
      await self.enroll(index)
      guard let enrollment = self.answer(index) else {
        await self.queueIfFull(index, number)
        continue
      }
      await self.wait(0...1_500_000)
      await self.goOn(with: enrollment, as: name, number)
    }
  }

  private func chooseCourse() -> CourseID? {
    // Also one that is not there, or not yet.
    if self.scheduler.random.chance(30) { return CourseID(9) }
    let known = self.world.history.courses.compactMap { $0.course?.id }
    return known.isEmpty ? nil : self.scheduler.random.one(of: known)
  }

  func wish(_ student: String, _ course: CourseID, _ key: String?) -> Int {
    self.world.history.enrollments.append(
      EnrollIntent(
        student: student, courseID: course, key: key.flatMap { try? IdempotencyKey($0) }))
    return self.world.history.enrollments.count - 1
  }

  func answer(_ index: Int) -> Enrollment? {
    self.world.history.enrollments[index].attempts.compactMap(\.told.answer).first
  }

  func enroll(_ index: Int) async {
    let intent = self.world.history.enrollments[index]
    var ticket: String?
    // Who knows of the rush takes a ticket first.
    var hasWaited = self.world.hasRush && self.scheduler.random.chance(600)
    if hasWaited { ticket = await self.waitForTurn(intent.student, intent.courseID) }
    for _ in 0..<5 {
      let command = RegisterClass(
        courseID: intent.courseID, student: intent.student, waitingTicket: ticket)
      if let ticket, self.scheduler.random.chance(250) {
        // In another window the place is given up meanwhile, or a little later.
        let latest: Int64 = self.scheduler.random.chance(700) ? 15_000 : 900_000
        self.enter {
          await self.wait(0...latest)
          await self.giveUp(ticket, of: intent.student)
        }
      }
      let caller = self.caller(intent.student)
      let (asked, starts) = (self.scheduler.now, self.world.node(.class).starts)
      let told = await self.ask {
        try await self.classes.register(command, by: caller, key: intent.key)
      }
      self.world.history.registrations.append(
        RoomRegistration(
          student: intent.student, token: ticket, asked: asked, answered: self.scheduler.now,
          startsBefore: starts, starts: self.world.node(.class).starts, code: told.code))
      self.world.history.enrollments[index].attempts.append((caller.requestID, told))
      if told.code == WaitingRoomError.waitCode, !hasWaited {
        hasWaited = true
        ticket = await self.waitForTurn(intent.student, intent.courseID)
        guard ticket != nil else { return }
        continue
      }
      let asksAgain =
        told.isInDoubt || told.code == Problem.idempotencyInProgress.code
        || told.code == WaitingRoomError.turnInUse.problem.code
      // Without a key a second request is a second wish; but a turn is used once.
      guard asksAgain, intent.key != nil || ticket != nil else { return }
      await self.wait(100_000...2_000_000)
    }
  }

  func goOn(with enrollment: Enrollment, as name: String, _ number: Int) async {
    switch self.scheduler.random.below(10) {
    case 0, 1, 2:
      await self.cancel(enrollment.id, as: name)
    case 3:
      self.enter { await self.cancel(enrollment.id, as: name) }
      await self.refund(enrollment.id)
    case 4:
      await self.refund(enrollment.id)
    case 5, 6:
      let heir = "\(name)+\(number)"
      if self.isCrowded { _ = await self.join(heir, enrollment.courseID, key: nil) }
      await self.rename(enrollment.id, as: name, to: heir)
      if self.scheduler.random.chance(500) { await self.cancel(enrollment.id, as: name) }
    case 7:
      await self.look(at: enrollment.id, as: name)
    default:
      break
    }
  }

  private func cancel(_ id: ClassID, as name: String) async {
    for _ in 0..<3 {
      let caller = self.caller(name)
      let told = await self.ask { () async throws -> Done in
        try await self.classes.cancel(id, by: caller)
        return Done()
      }
      self.world.history.cancels.append(
        Attempt(requestID: caller.requestID, target: id, told: told))
      if !told.isInDoubt { return }
      await self.wait(100_000...2_000_000)
    }
  }

  private func refund(_ id: ClassID) async {
    let caller = self.caller("operator")
    let told = await self.ask {
      try await self.payments.refund(id, by: caller)
    }
    self.world.history.refunds.append(
      Attempt(requestID: caller.requestID, target: id, told: told))
  }

  private func rename(_ id: ClassID, as name: String, to student: String) async {
    let caller = self.caller(name)
    let told = await self.ask {
      try await self.classes.modify(id, ClassChange(student: student), by: caller)
    }
    self.world.history.changes.append(
      Attempt(requestID: caller.requestID, target: id, told: told))
  }

  private func look(at id: ClassID, as name: String) async {
    let caller = self.caller(name)
    let told = await self.ask { try await self.classes.enrollment(id, by: caller) }
    self.world.history.readings.append(
      Attempt(requestID: caller.requestID, target: id, told: told))
    let payments = await self.ask { try await self.payments.payments(of: id, by: caller) }
    self.world.history.statements.append(
      Attempt(requestID: caller.requestID, target: id, told: payments))
  }
}
