import Kernel

/// The command of a teacher who offers a course.
package struct RegisterCourse: Hashable, Sendable {
  package let name: String
  package let teacher: String
  package let fee: Money
  package let textBook: String
  package let seats: SeatLimits

  package init(
    name: String, teacher: String, fee: Money, textBook: String = "",
    seats: SeatLimits = .standard
  ) {
    self.name = name
    self.teacher = teacher
    self.fee = fee
    self.textBook = textBook
    self.seats = seats
  }

  /// The same of another teacher.
  func of(_ teacher: String) -> RegisterCourse {
    RegisterCourse(
      name: self.name, teacher: teacher, fee: self.fee, textBook: self.textBook,
      seats: self.seats)
  }

  package func perform(
    by caller: Caller, key: IdempotencyKey?, in tx: any CourseTransaction
  ) throws -> Course {
    let commandKey = key.map { self.commandKey($0, of: caller) }
    if let commandKey, let answer = try tx.recall(commandKey) {
      return try Course(answer: answer)
    }
    let details = try CourseDetails(
      name: self.name, teacher: self.teacher, fee: self.fee, textBook: self.textBook,
      seats: self.seats)
    let course = Course(id: try tx.nextCourseID(), details: details)
    try tx.save(course)
    try tx.raise(.courseRegistered(CourseRegistered(id: course.id, details: details)))
    if let commandKey { try tx.remember(course.answer, as: commandKey) }
    return course
  }

  private func commandKey(_ key: IdempotencyKey, of caller: Caller) -> CommandKey {
    CommandKey(
      caller: caller.name, operation: "register-course", key: key,
      fingerprint: FieldText.encode(
        [self.name, self.teacher, String(self.fee.won), self.textBook] + self.seats.fields))
  }
}

/// A course as it was answered: a repeat of the command gets that, though it was modified since.
extension Course {
  fileprivate var answer: String {
    FieldText.encode(
      [
        self.id.description, self.details.name, self.details.teacher,
        String(self.details.fee.won), self.details.textBook,
      ] + self.details.seats.fields)
  }

  fileprivate init(answer: String) throws {
    guard let fields = FieldText.decode(answer), fields.count >= 5, let id = Int64(fields[0]),
      let won = Int64(fields[3]), let seats = SeatLimits(fields: fields.dropFirst(5))
    else { throw UnreadableAnswer(answer) }
    self.init(
      id: CourseID(id),
      details: try CourseDetails(
        name: fields[1], teacher: fields[2], fee: try Money(won: won), textBook: fields[4],
        seats: seats))
  }
}

extension SeatLimits {
  /// Nothing for the standard, so that commands of before there were limits are still recognized.
  fileprivate var fields: [String] {
    guard self != .standard else { return [] }
    return [self.capacity.map { String($0) } ?? "", String(self.maxPerStudent)]
  }

  fileprivate init?(fields: ArraySlice<String>) {
    guard let first = fields.first else {
      self = .standard
      return
    }
    guard fields.count == 2, let max = fields.last.flatMap({ Int64($0) }),
      first.isEmpty || Int64(first) != nil
    else { return nil }
    self.init(capacity: Int64(first), maxPerStudent: max)
  }
}
