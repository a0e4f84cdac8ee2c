import CourseCore
import Kernel
import Testing

@Suite("Registering and modifying a course")
struct RegisterCourseTests {
  private let store = InMemoryCourseStore()
  private let courses: CourseApplication
  private let caller = Caller(name: "hong-gil-dong", requestID: "request-1")

  init() {
    self.courses = CourseApplication(
      store: self.store, desk: ScriptedDesk([]), clock: StoppedClock())
  }

  @Test("makes the course and says so in one event")
  func registers() async throws {
    let course = try await self.courses.register(Self.korean(), by: self.caller, key: nil)

    #expect(course.id == CourseID(1))
    #expect(try await self.courses.course(course.id) == course)
    #expect(try await self.courses.courses(try PageRequest()).items == [course])
    #expect(
      self.store.events == [
        .courseRegistered(CourseRegistered(id: course.id, details: course.details))
      ])
  }

  @Test("refuses wrong fields and keeps nothing")
  func invalid() async throws {
    let command = RegisterCourse(name: "", teacher: "kim", fee: .zero)

    await #expect(throws: CourseError.self) {
      try await self.courses.register(command, by: self.caller, key: nil)
    }
    #expect(try await self.courses.courses(try PageRequest()).items.isEmpty)
  }

  @Test("T17: a repeat with the same key gets the first answer, though it was modified since")
  func repeats() async throws {
    let key = try IdempotencyKey("k-1")
    let first = try await self.courses.register(Self.korean(), by: self.caller, key: key)
    _ = try await self.courses.modify(first.id, CourseChange(textBook: "new"), by: self.caller)

    let again = try await self.courses.register(Self.korean(), by: self.caller, key: key)

    #expect(again == first)
    #expect(try await self.courses.courses(try PageRequest()).totalElements == 1)
  }

  @Test("the same key with another request is refused")
  func reusedKey() async throws {
    let key = try IdempotencyKey("k-1")
    _ = try await self.courses.register(Self.korean(), by: self.caller, key: key)
    let other = RegisterCourse(name: "math", teacher: "park", fee: .zero)

    await #expect(throws: Problem.idempotencyKeyReused) {
      try await self.courses.register(other, by: self.caller, key: key)
    }
  }

  @Test("another caller's key is another key")
  func otherCaller() async throws {
    let key = try IdempotencyKey("k-1")
    let first = try await self.courses.register(Self.korean(), by: self.caller, key: key)

    let second = try await self.courses.register(
      Self.korean(), by: Caller(name: "park", requestID: "request-2"), key: key)

    #expect(second.id != first.id)
  }

  @Test("T15: modifying raises one event, and none when nothing changed")
  func modifies() async throws {
    let course = try await self.courses.register(Self.korean(), by: self.caller, key: nil)
    let change = CourseChange(fee: try Money(won: 12_000))

    let modified = try await self.courses.modify(course.id, change, by: self.caller)
    _ = try await self.courses.modify(course.id, change, by: self.caller)

    #expect(
      self.store.events.dropFirst() == [
        .courseModified(CourseModified(id: course.id, details: modified.details))
      ])
  }

  @Test("an unknown course is not found")
  func notFound() async throws {
    await #expect(throws: CourseError.notFound(CourseID(9))) {
      try await self.courses.course(CourseID(9))
    }
    await #expect(throws: CourseError.notFound(CourseID(9))) {
      try await self.courses.modify(CourseID(9), CourseChange(), by: self.caller)
    }
    await #expect(throws: CourseError.deliveryNotFound(DeliveryID(9))) {
      try await self.courses.delivery(DeliveryID(9))
    }
  }

  static func korean() throws -> RegisterCourse {
    RegisterCourse(
      name: "korean, \"1:2\"", teacher: "hong-gil-dong", fee: try Money(won: 10_000),
      textBook: "kor_book")
  }
}

/// A clock that always says the same.
struct StoppedClock: WallClock {
  var time = Timestamp(microseconds: 1_000_000)

  func now() -> Timestamp { self.time }
}
