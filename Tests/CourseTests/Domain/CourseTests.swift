import CourseCore
import Kernel
import Testing

@Suite("A course")
struct CourseTests {
  @Test("keeps its details as they were given")
  func valid() throws {
    let details = try CourseDetails(
      name: "한국어", teacher: "hong-gil-dong", fee: .zero, textBook: "")

    #expect(details.name == "한국어")
    #expect(details.fee.isFree)
  }

  @Test("names every wrong field at once")
  func invalid() {
    #expect(
      throws: CourseError.invalid([
        FieldProblem("name", "must not be blank"),
        FieldProblem("teacher", "must have 1 to 100 characters, got 101"),
        FieldProblem("textBook", "must not contain control characters"),
      ])
    ) {
      try CourseDetails(
        name: " \t", teacher: String(repeating: "x", count: 101), fee: .zero, textBook: "a\u{0}b")
    }
  }

  @Test(
    "takes names of 1 to 200 characters",
    arguments: [(0, false), (1, true), (200, true), (201, false)])
  func nameLength(length: Int, isValid: Bool) {
    let details = try? CourseDetails(
      name: String(repeating: "강", count: length), teacher: "kim", fee: .zero, textBook: "")

    #expect((details != nil) == isValid)
  }

  @Test("changes only the fields sent")
  func modify() throws {
    var course = try Self.course()

    let modified = try course.modify(CourseChange(fee: try Money(won: 12_000)))

    #expect(course.details.fee.won == 12_000)
    #expect(course.details.name == "korean")
    #expect(modified == CourseModified(id: course.id, details: course.details))
  }

  @Test("T15: a change that changes nothing makes no event")
  func modifyNothing() throws {
    var course = try Self.course()

    let first = try course.modify(CourseChange())
    let second = try course.modify(CourseChange(name: "korean"))

    #expect(first == nil)
    #expect(second == nil)
  }

  @Test("is hidden while it is closing, until it is open again")
  func closing() throws {
    var course = try Self.course()

    let closed = course.close(at: Timestamp(microseconds: 5))
    let closedAgain = course.close(at: Timestamp(microseconds: 6))

    #expect(closed && !closedAgain)
    #expect(course.closingSince == Timestamp(microseconds: 6), "each attempt has its moment")
    #expect(throws: CourseError.notFound(course.id)) {
      var closing = course
      _ = try closing.modify(CourseChange())
    }

    course.reopen(after: Timestamp(microseconds: 5))
    #expect(!course.isOpen)
    course.reopen(after: Timestamp(microseconds: 6))
    #expect(course.isOpen)
  }

  private static func course() throws -> Course {
    Course(
      id: CourseID(1),
      details: try CourseDetails(
        name: "korean", teacher: "hong-gil-dong", fee: try Money(won: 10_000),
        textBook: "kor_book"))
  }
}
