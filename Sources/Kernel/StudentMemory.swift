/// Who a class belongs to since its student was changed (trap T34), as Enrollment told it.
package struct StudentCorrection: Hashable, Sendable {
  package let classID: ClassID
  package let student: String
  /// The sequence of Enrollment's event: of two corrections of a class the later one holds.
  package let version: Int64

  package init(classID: ClassID, student: String, version: Int64) {
    self.classID = classID
    self.student = student
    self.version = version
  }
}

/// The part of a store's transaction that keeps corrected students, so that a correction holds for
/// what it finds and for what comes later: the events of different services have no order.
package protocol StudentMemory {
  /// The last one that was remembered for the class.
  func studentCorrection(of classID: ClassID) throws -> StudentCorrection?

  /// Replaces what was remembered for the same class.
  func remember(_ correction: StudentCorrection) throws
}

extension StudentMemory {
  /// - Returns: false when this correction, or a later one of the class, was kept before.
  package func keep(_ correction: StudentCorrection) throws -> Bool {
    if let kept = try self.studentCorrection(of: correction.classID),
      kept.version >= correction.version
    {
      return false
    }
    try self.remember(correction)
    return true
  }

  /// Whose class it is: as corrected, else as `told` by who does not own the name.
  package func student(of classID: ClassID, told: String) throws -> String {
    try self.studentCorrection(of: classID)?.student ?? told
  }
}
