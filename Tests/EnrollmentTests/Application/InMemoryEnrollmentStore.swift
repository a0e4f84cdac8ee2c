import EnrollmentCore
import Kernel
import Synchronization

/// Enrollment's store without a disk. A transaction works on a copy, which is kept when it
/// succeeds.
final class InMemoryEnrollmentStore: EnrollmentStore {
  private let contents = Mutex(EnrollmentContents())

  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any EnrollmentTransaction) throws -> Answer
  ) async throws -> Answer {
    try self.contents.withLock { contents in
      let transaction = InMemoryEnrollmentTransaction(contents)
      let answer = try work(transaction)
      contents = transaction.contents
      return answer
    }
  }

  func enrollment(_ id: ClassID) async throws -> Enrollment? {
    self.all.first { $0.id == id }
  }

  func activeEnrollments(_ page: PageRequest) async throws -> Page<Enrollment> {
    self.page(page) { $0.isActive }
  }

  func enrollments(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<Enrollment> {
    self.page(page) { $0.student == student }
  }

  func pendingEnrollments(
    acceptedBefore limit: Timestamp, orAfter future: Timestamp, atMost count: Int
  ) async throws -> [Enrollment] {
    let pending = self.all.filter {
      $0.status == .pending && ($0.acceptedAt < limit || $0.acceptedAt > future)
    }
    return Array(pending.prefix(count))
  }

  /// Everything raised by committed transactions, in order.
  var events: [EnrollmentEvent] { self.contents.withLock { $0.events } }

  var courses: [CourseID: OfferedCourse] { self.contents.withLock { $0.courses } }

  private var all: [Enrollment] {
    self.contents.withLock { $0.enrollments.values.sorted { $0.id < $1.id } }
  }

  private func page(
    _ page: PageRequest, where isWanted: (Enrollment) -> Bool
  ) -> Page<Enrollment> {
    let wanted = self.all.filter(isWanted)
    return Page(
      items: Array(wanted.dropFirst(page.offset).prefix(page.size)),
      totalElements: wanted.count, request: page)
  }
}

struct EnrollmentContents: Sendable {
  var enrollments: [ClassID: Enrollment] = [:]
  var courses: [CourseID: OfferedCourse] = [:]
  var commands: [String: RememberedCommand] = [:]
  var events: [EnrollmentEvent] = []
}

private final class InMemoryEnrollmentTransaction: EnrollmentTransaction {
  var contents: EnrollmentContents

  init(_ contents: EnrollmentContents) {
    self.contents = contents
  }

  func nextClassID() -> ClassID {
    ClassID((self.contents.enrollments.keys.max()?.value ?? 0) + 1)
  }

  func enrollment(_ id: ClassID) -> Enrollment? { self.contents.enrollments[id] }

  func activeEnrollment(of student: String, in courseID: CourseID) -> Enrollment? {
    self.contents.enrollments.values.first {
      $0.isActive && $0.student == student && $0.courseID == courseID
    }
  }

  func hasActiveEnrollments(in courseID: CourseID) -> Bool {
    self.contents.enrollments.values.contains { $0.isActive && $0.courseID == courseID }
  }

  func save(_ enrollment: Enrollment) { self.contents.enrollments[enrollment.id] = enrollment }

  func course(_ id: CourseID) -> OfferedCourse? { self.contents.courses[id] }

  func save(_ course: OfferedCourse) { self.contents.courses[course.id] = course }

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
