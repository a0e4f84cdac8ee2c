import EnrollmentCore
import Kernel
import Testing

@Suite("Enrollment's copy of a course")
struct OfferedCourseTests {
  @Test("T12: news twice and in any order leave the same copy")
  func anyOrder() throws {
    let cheap = CourseOffer(try EnrollmentFixture.terms(fee: 1000))
    let dear = CourseOffer(try EnrollmentFixture.terms(fee: 2000))
    let news: [(inout OfferedCourse) -> Void] = [
      { $0.learn(cheap, version: 3) }, { $0.learn(dear, version: 8) }, { $0.close() },
      { $0.delete() },
    ]
    for order in Self.permutations(of: Array(news.indices)) {
      var course = OfferedCourse(id: CourseID(1))
      for index in order + order { news[index](&course) }
      #expect(
        course == OfferedCourse(id: CourseID(1), offer: dear, version: 8, state: .deleted))
    }
  }

  @Test("terms looked up late do not replace those of an event that came meanwhile")
  func lateAnswer() throws {
    let newer = CourseOffer(try EnrollmentFixture.terms(fee: 2000))
    var course = OfferedCourse(id: CourseID(1), offer: newer, version: 6)

    course.refresh(CourseOffer(try EnrollmentFixture.terms(fee: 1000)), seenVersion: 5)

    #expect(course.offer == newer)
  }

  @Test("terms looked up by hand give way to the next event, and to no older one")
  func refresh() throws {
    var course = OfferedCourse(
      id: CourseID(1), offer: CourseOffer(try EnrollmentFixture.terms(fee: 1000)), version: 5)

    course.refresh(CourseOffer(try EnrollmentFixture.terms(fee: 2000)), seenVersion: 5)
    course.learn(CourseOffer(try EnrollmentFixture.terms(fee: 500)), version: 4)
    #expect(course.terms?.fee.won == 2000)

    course.learn(CourseOffer(try EnrollmentFixture.terms(fee: 3000)), version: 6)
    #expect(course.terms?.fee.won == 3000)
  }

  private static func permutations(of items: [Int]) -> [[Int]] {
    guard !items.isEmpty else { return [[]] }
    return items.flatMap { first in
      self.permutations(of: items.filter { $0 != first }).map { [first] + $0 }
    }
  }
}
