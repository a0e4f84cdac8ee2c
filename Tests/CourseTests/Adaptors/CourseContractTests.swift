import AdaptorTestSupport
import CourseCore
import Kernel
import Testing

@Suite("The contract of Course's port: courses")
struct CourseContractTests {
  private let caller = CourseHarness.caller

  @Test("a registered course is found by id and in the list", arguments: Way.allCases)
  func registers(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness()
    try await courses.with(way) { port in
      let course = try await port.register(try CourseHarness.command(), by: caller, key: nil)
      #expect(course.id == CourseID(1))
      #expect(course.details.fee.won == 10_000)
      #expect(try await port.course(course.id) == course)
      let page = try await port.courses(try PageRequest())
      #expect(page.items == [course])
      #expect(page.totalElements == 1)
    }
    #expect(try await courses.harness.eventTypes() == ["CourseRegistered"])
  }

  @Test("a course without a book and with no fee is a course", arguments: Way.allCases)
  func registersFree(_ way: Way) async throws {
    let caller = self.caller
    try await CourseHarness().with(way) { port in
      let command = RegisterCourse(name: "강의 \"1\"", teacher: "홍길동", fee: .zero)
      let course = try await port.register(command, by: caller, key: nil)
      #expect(course.details.name == "강의 \"1\"")
      #expect(course.details.teacher == "홍길동")
      #expect(course.details.fee.isFree)
      #expect(course.details.textBook.isEmpty)
    }
  }

  @Test("every wrong field is named, and nothing is kept", arguments: Way.allCases)
  func refusesWrongFields(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness()
    try await courses.with(way) { port in
      let command = RegisterCourse(
        name: " ", teacher: String(repeating: "t", count: 101), fee: .zero,
        textBook: String(repeating: "b", count: 201))
      let refused = await problem { try await port.register(command, by: caller, key: nil) }
      #expect(refused?.code == "validation-failed")
      #expect(refused?.fields.map(\.field) == ["name", "teacher", "textBook"])
      let all = try await port.courses(try PageRequest())
      #expect(all.totalElements == 0)
    }
    #expect(try await courses.harness.eventTypes().isEmpty)
  }

  @Test("T15: a change keeps the other fields, and happens once", arguments: Way.allCases)
  func modifies(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness()
    try await courses.with(way) { port in
      let course = try await port.register(try CourseHarness.command(), by: caller, key: nil)
      let change = CourseChange(fee: try Money(won: 12_000), textBook: "")
      let modified = try await port.modify(course.id, change, by: caller)
      #expect(modified.details.name == "korean")
      #expect(modified.details.teacher == "hong-gil-dong")
      #expect(modified.details.fee.won == 12_000)
      #expect(modified.details.textBook.isEmpty)
      #expect(try await port.modify(course.id, change, by: caller) == modified)
      #expect(try await port.modify(course.id, CourseChange(), by: caller) == modified)
      #expect(try await port.course(course.id) == modified)
      let refused = await problem {
        try await port.modify(course.id, CourseChange(name: ""), by: caller)
      }
      #expect(refused?.fields.map(\.field) == ["name"])
    }
    #expect(try await courses.harness.eventTypes() == ["CourseRegistered", "CourseModified"])
  }

  @Test("T17: a repeat with the same key gets the first answer", arguments: Way.allCases)
  func repeats(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness()
    try await courses.with(way) { port in
      let key = try IdempotencyKey("k-1")
      let command = try CourseHarness.command()
      let course = try await port.register(command, by: caller, key: key)
      _ = try await port.modify(course.id, CourseChange(name: "other"), by: caller)
      #expect(try await port.register(command, by: caller, key: key) == course)
      let refused = await problem {
        try await port.register(try CourseHarness.command(fee: 1), by: caller, key: key)
      }
      #expect(refused?.code == "idempotency-key-reused")
      #expect(try await port.courses(try PageRequest()).totalElements == 1)
    }
    #expect(try await courses.harness.eventTypes() == ["CourseRegistered", "CourseModified"])
  }

  @Test("what does not exist is not found", arguments: Way.allCases)
  func knowsNoOther(_ way: Way) async throws {
    let caller = self.caller
    try await CourseHarness().with(way) { port in
      let id = CourseID(99)
      let found = [
        await problem { try await port.course(id) },
        await problem { try await port.modify(id, CourseChange(name: "x"), by: caller) },
        await problem { try await port.delete(id, by: caller) },
        await problem { try await port.delivery(DeliveryID(99)) },
      ]
      #expect(found.map { $0?.kind } == [.notFound, .notFound, .notFound, .notFound])
      #expect(found.map { $0?.code } == ["not-found", "not-found", "not-found", "not-found"])
    }
  }

  @Test("lists are paged and sorted, equal ones by id", arguments: Way.allCases)
  func pages(_ way: Way) async throws {
    let caller = self.caller
    try await CourseHarness().with(way) { port in
      for number in 1...5 {
        let command = try CourseHarness.command(
          name: "course-\(number)", fee: 1000, textBook: number < 3 ? "a" : "b")
        _ = try await port.register(command, by: caller, key: nil)
      }
      let request = try PageRequest(
        number: 1, size: 2,
        sort: [SortKey(field: "textBook", descending: true), SortKey(field: "fee")])
      let page = try await port.courses(request)
      #expect(page.items.map(\.id.value) == [5, 1])
      #expect(page.totalElements == 5)
      #expect(page.totalPages == 3)
    }
  }

  @Test("a sort key that is no field is refused by name", arguments: Way.allCases)
  func refusesUnknownSort(_ way: Way) async throws {
    try await CourseHarness().with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "closing_since")])
      let courses = await problem { try await port.courses(request) }
      let deliveries = await problem { try await port.deliveries(request) }
      #expect(courses?.fields.map(\.field) == ["sort"])
      #expect(deliveries?.fields.map(\.field) == ["sort"])
    }
  }
}
