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
  package let seats: SeatLimits

  /// - Throws: ``CourseError/invalid(_:)``, naming every wrong field.
  package init(
    name: String, teacher: String, fee: Money, textBook: String,
    seats: SeatLimits = .standard
  ) throws(CourseError) {
    let (name, teacher, textBook) = (name.normalized, teacher.normalized, textBook.normalized)
    let problems =
      [
        CourseDetails.nameRule.check(name),
        CourseDetails.teacherRule.check(teacher),
        CourseDetails.textBookRule.check(textBook),
      ].compactMap(\.self) + seats.problems
    guard problems.isEmpty else { throw .invalid(problems) }
    self.name = name
    self.teacher = teacher
    self.fee = fee
    self.textBook = textBook
    self.seats = seats
  }

  /// These details with the fields of `change` put in their place.
  package func applying(_ change: CourseChange) throws(CourseError) -> CourseDetails {
    try CourseDetails(
      name: change.name ?? self.name, teacher: change.teacher ?? self.teacher,
      fee: change.fee ?? self.fee, textBook: change.textBook ?? self.textBook,
      seats: SeatLimits(
        capacity: change.capacity.map { $0.seats } ?? self.seats.capacity,
        maxPerStudent: change.maxPerStudent ?? self.seats.maxPerStudent))
  }
}

/// The fields a teacher wants to change; nil leaves a field as it is.
package struct CourseChange: Hashable, Sendable {
  package let name: String?
  package let teacher: String?
  package let fee: Money?
  package let textBook: String?
  package let capacity: CapacityChange?
  package let maxPerStudent: Int64?

  package init(
    name: String? = nil, teacher: String? = nil, fee: Money? = nil, textBook: String? = nil,
    capacity: CapacityChange? = nil, maxPerStudent: Int64? = nil
  ) {
    self.name = name
    self.teacher = teacher
    self.fee = fee
    self.textBook = textBook
    self.capacity = capacity
    self.maxPerStudent = maxPerStudent
  }
}
