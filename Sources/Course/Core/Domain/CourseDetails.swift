import Kernel

/// What a teacher says about a course. Whoever holds one holds valid details.
package struct CourseDetails: Hashable, Sendable {
  package static let nameRule = TextRule("name", length: 1...200)
  package static let teacherRule = TextRule("teacher", length: 1...100)
  package static let textBookRule = TextRule("textBook", length: 0...200)

  package let name: String
  package let teacher: String
  /// Zero is a free course.
  package let fee: Money
  /// Empty when the course has no book.
  package let textBook: String

  /// - Throws: ``CourseError/invalid(_:)``, naming every wrong field.
  package init(
    name: String, teacher: String, fee: Money, textBook: String
  ) throws(CourseError) {
    let (name, teacher, textBook) = (name.normalized, teacher.normalized, textBook.normalized)
    let problems = [
      CourseDetails.nameRule.check(name),
      CourseDetails.teacherRule.check(teacher),
      CourseDetails.textBookRule.check(textBook),
    ].compactMap(\.self)
    guard problems.isEmpty else { throw .invalid(problems) }
    self.name = name
    self.teacher = teacher
    self.fee = fee
    self.textBook = textBook
  }

  /// These details with the fields of `change` put in their place.
  package func applying(_ change: CourseChange) throws(CourseError) -> CourseDetails {
    try CourseDetails(
      name: change.name ?? self.name, teacher: change.teacher ?? self.teacher,
      fee: change.fee ?? self.fee, textBook: change.textBook ?? self.textBook)
  }
}

/// The fields a teacher wants to change; nil leaves a field as it is.
package struct CourseChange: Hashable, Sendable {
  package let name: String?
  package let teacher: String?
  package let fee: Money?
  package let textBook: String?

  package init(
    name: String? = nil, teacher: String? = nil, fee: Money? = nil, textBook: String? = nil
  ) {
    self.name = name
    self.teacher = teacher
    self.fee = fee
    self.textBook = textBook
  }
}
