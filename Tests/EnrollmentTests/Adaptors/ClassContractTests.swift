import AdaptorTestSupport
import EnrollmentCore
import Kernel
import Testing

@Suite("The contract of Enrollment's port: classes")
struct ClassContractTests {
  private let caller = EnrollmentHarness.caller

  @Test(
    "T35: a canceled class leaves the list and stays in the history; canceling again is no error",
    arguments: Way.allCases)
  func cancels(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await self.classes()
    try await classes.with(way) { port in
      let enrollment = try await port.register(
        try EnrollmentHarness.command(), by: caller, key: nil)
      try await port.cancel(enrollment.id, by: caller)
      try await port.cancel(enrollment.id, by: caller)
      #expect(await problem { try await port.enrollment(enrollment.id) }?.kind == .notFound)
      #expect(try await port.enrollments(try PageRequest()).totalElements == 0)
      let history = try await port.enrollments(ofStudent: "john-doe", try PageRequest())
      #expect(history.items.map(\.id) == [enrollment.id])
      #expect(history.items.map(\.status) == [.canceled])
      let change = ClassChange(student: "kim")
      let refused = await problem { try await port.modify(enrollment.id, change, by: caller) }
      #expect(refused?.kind == .notFound)
    }
    #expect(try await classes.harness.eventTypes() == ["ClassRegistered", "ClassCanceled"])
  }

  @Test("T34: the student of a class may change, its terms may not", arguments: Way.allCases)
  func modifies(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await self.classes()
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command()
      let id = try await port.register(command, by: caller, key: nil).id
      let change = ClassChange(
        student: "김순희", courseID: CourseID(1), fee: try Money(won: 10_000),
        textBook: "kor_book")
      let modified = try await port.modify(id, change, by: caller)
      #expect(modified.student == "김순희")
      #expect(try await port.modify(id, change, by: caller) == modified)
      #expect(try await port.enrollment(id) == modified)
      #expect(
        try await port.enrollments(ofStudent: "김순희", try PageRequest()).items == [modified])
      #expect(
        try await port.enrollments(ofStudent: "john-doe", try PageRequest()).items.isEmpty)
      for other in [
        ClassChange(courseID: CourseID(2)), ClassChange(fee: try Money(won: 8888)),
        ClassChange(textBook: "other"),
      ] {
        let refused = await problem { try await port.modify(id, other, by: caller) }
        #expect(refused?.code == "terms-fixed")
      }
      let blank = await problem {
        try await port.modify(id, ClassChange(student: ""), by: caller)
      }
      #expect(blank?.fields.map(\.field) == ["student"])
    }
    #expect(try await classes.harness.eventTypes() == ["ClassRegistered", "ClassModified"])
  }

  @Test("T34: a class that is not paid yet keeps its student", arguments: Way.allCases)
  func modifiesPending(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await self.classes()
    classes.gateway.next(.unknown(reason: "down"))
    try await classes.with(way) { port in
      let id = try await port.register(
        try EnrollmentHarness.command(), by: caller, key: nil
      ).id
      let change = ClassChange(student: "lee")
      let refused = await problem { try await port.modify(id, change, by: caller) }
      #expect(refused?.code == "class-pending")
      #expect(refused?.kind == .conflict)
      _ = try await classes.settle()
      #expect(try await port.modify(id, change, by: caller).student == "lee")
    }
    #expect(try await classes.harness.eventTypes() == ["ClassRegistered", "ClassModified"])
  }

  @Test("T17: a class does not pass to a student who is in the course", arguments: Way.allCases)
  func modifiesToEnrolled(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await self.classes()
    try await classes.with(way) { port in
      let id = try await port.register(
        try EnrollmentHarness.command(student: "kim"), by: caller, key: nil
      ).id
      _ = try await port.register(try EnrollmentHarness.command(), by: caller, key: nil)
      let refused = await problem {
        try await port.modify(id, ClassChange(student: "john-doe"), by: caller)
      }
      #expect(refused?.code == "already-enrolled")
    }
  }

  @Test("T33: a class keeps the terms it was accepted with", arguments: Way.allCases)
  func keepsTerms(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await self.classes()
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command()
      let enrollment = try await port.register(command, by: caller, key: nil)
      try await classes.hear(CourseNews.modified(2, fee: 20_000))
      #expect(try await port.enrollment(enrollment.id) == enrollment)
      let next = try await port.register(
        try EnrollmentHarness.command(student: "kim"), by: caller, key: nil)
      #expect(next.terms.fee.won == 20_000)
      #expect(next.terms.textBook == "new_book")
    }
  }

  @Test("T32: a course is closed once nobody is in it", arguments: Way.allCases)
  func closes(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await self.classes()
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command()
      let id = try await port.register(command, by: caller, key: nil).id
      let refused = await problem { try await port.close(CourseID(1), by: caller) }
      #expect(refused?.code == "course-has-enrollments")
      try await port.cancel(id, by: caller)
      try await port.close(CourseID(1), by: caller)
      try await port.close(CourseID(1), by: caller)
      let closed = await problem { try await port.register(command, by: caller, key: nil) }
      #expect(closed?.code == "course-closed")
    }
  }

  @Test("an unknown class is not found", arguments: Way.allCases)
  func knowsNoOther(_ way: Way) async throws {
    let caller = self.caller
    try await EnrollmentHarness().with(way) { port in
      let id = ClassID(99)
      let found = [
        await problem { try await port.enrollment(id) },
        await problem { try await port.modify(id, ClassChange(student: "kim"), by: caller) },
        await problem { try await port.cancel(id, by: caller) },
      ]
      #expect(found.map { $0?.kind } == [.notFound, .notFound, .notFound])
    }
  }

  @Test("lists and histories are paged and sorted", arguments: Way.allCases)
  func pages(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    for course in 1...5 {
      try await classes.hear(
        CourseNews.registered(Int64(course), course: Int64(course), fee: Int64(course % 2)))
    }
    try await classes.with(way) { port in
      for course in 1...5 {
        let command = try EnrollmentHarness.command(course: Int64(course))
        _ = try await port.register(command, by: caller, key: nil)
      }
      try await port.cancel(ClassID(1), by: caller)
      let request = try PageRequest(
        number: 1, size: 2, sort: [SortKey(field: "fee", descending: true)])
      let list = try await port.enrollments(request)
      #expect(list.items.map(\.id.value) == [2, 4])
      #expect(list.totalElements == 4)
      let history = try await port.enrollments(ofStudent: "john-doe", request)
      #expect(history.items.map(\.id.value) == [5, 2])
      #expect(history.totalElements == 5)
      let nobody = try await port.enrollments(ofStudent: "nobody", try PageRequest())
      #expect(nobody.items.isEmpty)
    }
  }

  @Test("a sort key that is no field is refused by name", arguments: Way.allCases)
  func refusesUnknownSort(_ way: Way) async throws {
    try await EnrollmentHarness().with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "accepted_at")])
      let list = await problem { try await port.enrollments(request) }
      let history = await problem { try await port.enrollments(ofStudent: "kim", request) }
      #expect(list?.fields.map(\.field) == ["sort"])
      #expect(history?.fields.map(\.field) == ["sort"])
    }
  }

  private func classes() async throws -> EnrollmentHarness {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    return classes
  }
}
