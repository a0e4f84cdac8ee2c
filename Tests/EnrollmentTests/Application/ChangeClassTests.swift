import EnrollmentCore
import Kernel
import Testing

@Suite("Canceling and modifying a class")
struct ChangeClassTests {
  private let fixture = EnrollmentFixture()

  @Test("T35: a canceled class is out of the list and stays in the student's history")
  func cancels() async throws {
    try await self.fixture.offer()
    let enrollment = try await self.fixture.register()

    try await self.cancel(enrollment.id)

    await #expect(throws: EnrollmentError.notFound(enrollment.id)) {
      try await self.fixture.enrollment.enrollment(enrollment.id)
    }
    #expect(try await self.fixture.enrollment.enrollments(try PageRequest()).items.isEmpty)
    let history = try await self.fixture.enrollment.enrollments(
      ofStudent: "john-doe", try PageRequest())
    #expect(history.items.map(\.status) == [.canceled])
  }

  @Test("T15: canceling again is no error and raises nothing")
  func cancelsOnce() async throws {
    try await self.fixture.offer()
    let enrollment = try await self.fixture.register()

    try await self.cancel(enrollment.id)
    try await self.cancel(enrollment.id)

    #expect(self.fixture.store.events.count == 2)
  }

  @Test("an unknown class is not found")
  func unknown() async throws {
    await #expect(throws: EnrollmentError.notFound(ClassID(9))) {
      try await self.cancel(ClassID(9))
    }
    await #expect(throws: EnrollmentError.notFound(ClassID(9))) {
      try await self.modify(ClassID(9), ClassChange(student: "simon"))
    }
  }

  @Test("after canceling, the student may enroll again")
  func again() async throws {
    try await self.fixture.offer()
    let first = try await self.fixture.register()
    try await self.cancel(first.id)

    #expect(try await self.fixture.register().id != first.id)
  }

  @Test("a class gets another student, with one event")
  func modifies() async throws {
    try await self.fixture.offer()
    let enrollment = try await self.fixture.register()

    let modified = try await self.modify(enrollment.id, ClassChange(student: "simon"))
    _ = try await self.modify(enrollment.id, ClassChange(student: "simon"))

    #expect(modified.student == "simon")
    #expect(
      self.fixture.store.events.dropFirst()
        == [.classModified(ClassModified(enrollment: modified))])
  }

  @Test("T17: not a student who is in the course already")
  func alreadyEnrolled() async throws {
    try await self.fixture.offer()
    _ = try await self.fixture.register("simon")
    let enrollment = try await self.fixture.register("john-doe")

    await #expect(throws: EnrollmentError.alreadyEnrolled(CourseID(1), student: "simon")) {
      try await self.modify(enrollment.id, ClassChange(student: "simon"))
    }
  }

  private func cancel(_ id: ClassID) async throws {
    try await self.fixture.enrollment.cancel(id, by: self.fixture.caller)
  }

  private func modify(_ id: ClassID, _ change: ClassChange) async throws -> Enrollment {
    try await self.fixture.enrollment.modify(id, change, by: self.fixture.caller)
  }
}
