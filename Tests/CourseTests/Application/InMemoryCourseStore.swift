import AdaptorTestSupport
import CourseCore
import Kernel
import Synchronization

/// Course's store without a disk. A transaction works on a copy, which is kept when it succeeds.
final class InMemoryCourseStore: CourseStore {
  private let contents = Mutex(CourseContents())

  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any CourseTransaction) throws -> Answer
  ) async throws -> Answer {
    try self.contents.withLock { contents in
      let transaction = InMemoryCourseTransaction(contents)
      let answer = try work(transaction)
      contents = transaction.contents
      return answer
    }
  }

  func openCourse(_ id: CourseID) async throws -> Course? {
    self.allCourses.first { $0.id == id && $0.isOpen }
  }

  func openCourses(_ page: PageRequest) async throws -> Page<Course> {
    let open = self.allCourses.filter { $0.isOpen && !$0.isCanceled }
    return Page(page, of: open)
  }

  func coursesClosing(
    since limit: Timestamp, orAfter future: Timestamp, atMost count: Int
  ) async throws -> [Course] {
    let closing = self.allCourses.filter { course in
      course.closingSince.map { $0 < limit || $0 > future } ?? false
    }
    return Array(closing.prefix(count))
  }

  func coursesBeingCanceled(atMost count: Int) async throws -> [Course] {
    let canceling = self.allCourses.filter { $0.isCanceled && $0.cancellation?.classes == nil }
    return Array(canceling.prefix(count))
  }

  func delivery(_ id: DeliveryID) async throws -> Delivery? {
    self.allDeliveries.first { $0.id == id }
  }

  func deliveries(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Delivery> {
    let items = self.allDeliveries.filter { student == nil || $0.order.student == student }
    return Page(page, of: items)
  }

  func deliveries(of classID: ClassID) async throws -> [Delivery] {
    self.allDeliveries.filter { $0.order.classID == classID }
  }

  /// Everything raised by committed transactions, in order.
  var events: [CourseEvent] { self.contents.withLock { $0.events } }

  private var allCourses: [Course] {
    self.contents.withLock { $0.courses.values.sorted { $0.id < $1.id } }
  }

  private var allDeliveries: [Delivery] {
    self.contents.withLock { $0.deliveries.values.sorted { $0.id < $1.id } }
  }
}

struct CourseContents: Sendable {
  var courses: [CourseID: Course] = [:]
  var lastCourseID: Int64 = 0
  var deliveries: [DeliveryID: Delivery] = [:]
  var commands: [String: RememberedCommand] = [:]
  var students: [ClassID: StudentCorrection] = [:]
  var events: [CourseEvent] = []
}

private final class InMemoryCourseTransaction: CourseTransaction {
  var contents: CourseContents

  init(_ contents: CourseContents) {
    self.contents = contents
  }

  func nextCourseID() -> CourseID {
    self.contents.lastCourseID += 1
    return CourseID(self.contents.lastCourseID)
  }

  func course(_ id: CourseID) -> Course? { self.contents.courses[id] }

  func save(_ course: Course) { self.contents.courses[course.id] = course }

  func remove(_ id: CourseID) { self.contents.courses[id] = nil }

  func nextDeliveryID() -> DeliveryID {
    DeliveryID((self.contents.deliveries.keys.max()?.value ?? 0) + 1)
  }

  func delivery(of paymentID: PaymentID) -> Delivery? {
    self.contents.deliveries.values.first { $0.order.paymentID == paymentID }
  }

  func deliveries(of classID: ClassID) -> [Delivery] {
    self.contents.deliveries.values.filter { $0.order.classID == classID }
  }

  func save(_ delivery: Delivery) { self.contents.deliveries[delivery.id] = delivery }

  func studentCorrection(of classID: ClassID) -> StudentCorrection? {
    self.contents.students[classID]
  }

  func remember(_ correction: StudentCorrection) {
    self.contents.students[correction.classID] = correction
  }

  func raise(_ event: CourseEvent) { self.contents.events.append(event) }

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
