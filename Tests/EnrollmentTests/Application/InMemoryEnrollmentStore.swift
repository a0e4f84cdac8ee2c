import AdaptorTestSupport
import EnrollmentCore
import Kernel
import Synchronization

/// Enrollment's store without a disk. A transaction works on a copy, which is kept when it
/// succeeds.
final class InMemoryEnrollmentStore: EnrollmentStore {
  private let clock: any WallClock
  private let contents = Mutex(EnrollmentContents())

  init(clock: any WallClock) {
    self.clock = clock
  }

  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any EnrollmentTransaction) throws -> Answer
  ) async throws -> Answer {
    try self.contents.withLock { contents in
      let transaction = InMemoryEnrollmentTransaction(contents, now: self.clock.now())
      let answer = try work(transaction)
      contents = transaction.contents
      return answer
    }
  }

  func enrollment(_ id: ClassID) async throws -> Enrollment? {
    self.all.first { $0.id == id }
  }

  func activeEnrollments(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Enrollment> {
    self.page(page, of: self.all) { $0.isActive && (student == nil || $0.student == student) }
  }

  func enrollments(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<Enrollment> {
    self.page(page, of: self.all) { $0.student == student }
  }

  func pendingEnrollments(
    acceptedBefore limit: Timestamp, orAfter future: Timestamp, atMost count: Int
  ) async throws -> [Enrollment] {
    let pending = self.all.filter {
      $0.status == .pending && ($0.acceptedAt < limit || $0.acceptedAt > future)
    }
    return Array(pending.prefix(count))
  }

  func enrollments(
    after first: ClassID, through last: ClassID?, atMost count: Int
  ) async throws -> [Enrollment] {
    let wanted = self.all.filter { $0.id > first && $0.id.value <= last?.value ?? .max }
    return Array(wanted.prefix(count))
  }

  func coursesBeingCanceled(atMost count: Int) async throws -> [CourseID] {
    let courses = self.courses.values.filter { $0.state == .canceled && $0.seatsTaken > 0 }
    return Array(courses.map(\.id).sorted().prefix(count))
  }

  func cancellationProgress(of courseID: CourseID) async throws -> CancellationProgress {
    let remaining = Int64(self.all.count { $0.isActive && $0.courseID == courseID })
    let total = self.courses[courseID]?.classesToCancel
    return CancellationProgress(
      isHeard: total != nil, total: total ?? remaining, remaining: remaining)
  }

  /// Everything raised by committed transactions, in order.
  var events: [EnrollmentEvent] { self.contents.withLock { $0.events } }

  func place(_ id: WaitlistID) async throws -> WaitlistPlace? {
    self.allPlaces.first { $0.entry.id == id }
  }

  func places(
    _ page: PageRequest, liveOfStudent student: String?
  ) async throws -> Page<WaitlistPlace> {
    self.page(page, of: self.allPlaces) {
      $0.entry.isLive && (student == nil || $0.entry.student == student)
    }
  }

  func places(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<WaitlistPlace> {
    self.page(page, of: self.allPlaces) { $0.entry.student == student }
  }

  func places(
    ofCourse courseID: CourseID, _ page: PageRequest
  ) async throws -> Page<WaitlistPlace> {
    self.page(page, of: self.allPlaces) { $0.entry.courseID == courseID && $0.entry.isLive }
  }

  func overdueOffers(at limit: Timestamp, atMost count: Int) async throws -> [WaitlistEntry] {
    Array(self.allPlaces.map(\.entry).filter { $0.isOverdue(at: limit) }.prefix(count))
  }

  var courses: [CourseID: OfferedCourse] { self.contents.withLock { $0.courses } }

  private var all: [Enrollment] {
    self.contents.withLock { $0.enrollments.values.sorted { $0.id < $1.id } }
  }

  private var allPlaces: [WaitlistPlace] {
    let entries = self.contents.withLock { $0.entries.values.sorted { $0.id < $1.id } }
    return entries.map { entry in
      let before = entries.filter {
        $0.state == .waiting && $0.courseID == entry.courseID && $0.id <= entry.id
      }
      return WaitlistPlace(
        entry, position: entry.state == .waiting ? Int64(before.count) : nil)
    }
  }

  private func page<Item: Sendable>(
    _ page: PageRequest, of items: [Item], where isWanted: (Item) -> Bool
  ) -> Page<Item> {
    let wanted = items.filter(isWanted)
    return Page(page, of: wanted)
  }
}

struct EnrollmentContents: Sendable {
  var enrollments: [ClassID: Enrollment] = [:]
  var courses: [CourseID: OfferedCourse] = [:]
  var entries: [WaitlistID: WaitlistEntry] = [:]
  var commands: [String: RememberedCommand] = [:]
  var events: [EnrollmentEvent] = []
}

private final class InMemoryEnrollmentTransaction: EnrollmentTransaction {
  var contents: EnrollmentContents
  let now: Timestamp

  init(_ contents: EnrollmentContents, now: Timestamp) {
    self.contents = contents
    self.now = now
  }

  func nextClassID() -> ClassID {
    ClassID((self.contents.enrollments.keys.max()?.value ?? 0) + 1)
  }

  func enrollment(_ id: ClassID) -> Enrollment? { self.contents.enrollments[id] }

  func activeClasses(
    of student: String, in courseID: CourseID, countingTo most: Int64
  ) -> Int64 {
    let count = self.contents.enrollments.values.count {
      $0.isActive && $0.student == student && $0.courseID == courseID
    }
    return min(Int64(count), most)
  }

  func hasActiveEnrollments(in courseID: CourseID) -> Bool {
    self.contents.enrollments.values.contains { $0.isActive && $0.courseID == courseID }
  }

  func activeClasses(in courseID: CourseID, atMost count: Int) -> [ClassID] {
    let active = self.contents.enrollments.values.filter {
      $0.isActive && $0.courseID == courseID
    }
    return Array(active.map(\.id).sorted().prefix(count))
  }

  func save(_ enrollment: Rostered<Enrollment>) {
    self.contents.enrollments[enrollment.value.id] = enrollment.value
  }

  func course(_ id: CourseID) -> OfferedCourse? { self.contents.courses[id] }

  func save(_ course: Rostered<OfferedCourse>) {
    self.contents.courses[course.value.id] = course.value
  }

  func nextWaitlistID() -> WaitlistID {
    WaitlistID((self.contents.entries.keys.max()?.value ?? 0) + 1)
  }

  func entry(_ id: WaitlistID) -> WaitlistEntry? { self.contents.entries[id] }

  func liveEntry(of student: String, in courseID: CourseID) -> WaitlistEntry? {
    self.liveEntries(in: courseID).first { $0.student == student }
  }

  func liveEntries(in courseID: CourseID) -> [WaitlistEntry] {
    self.contents.entries.values.filter { $0.courseID == courseID && $0.isLive }
      .sorted { $0.id < $1.id }
  }

  func firstWaiting(in courseID: CourseID) -> WaitlistEntry? {
    self.liveEntries(in: courseID).first { $0.state == .waiting }
  }

  func save(_ entry: Rostered<WaitlistEntry>) {
    self.contents.entries[entry.value.id] = entry.value
  }

  // Nobody waits here: the waiting room is tested on its database.
  func useUp(_ turn: WaitingTicket) throws { throw WaitingRoomError.ticketUnknown }

  func giveBack(_ turn: WaitingTicket) throws { throw WaitingRoomError.ticketUnknown }

  func raise(_ event: EnrollmentEvent) { self.contents.events.append(event) }

  func rememberedCommand(_ key: CommandKey) -> RememberedCommand? {
    self.contents.commands[self.index(key)]
  }

  func remember(_ command: RememberedCommand, as key: CommandKey) {
    self.contents.commands[self.index(key)] = command
  }

  private func index(_ key: CommandKey) -> String {
    FieldText.encode([key.caller, key.operation, key.key.value])
  }
}
