import Kernel

/// How many students a course takes in at once, and one student how often.
package struct SeatLimits: Hashable, Sendable {
  package static let capacityRange: ClosedRange<Int64> = 1...1_000_000
  /// Small, so that counting one student's classes never takes long.
  package static let maxPerStudentRange: ClosedRange<Int64> = 0...100
  /// As many students as come, each once.
  package static let standard = SeatLimits()

  /// nil is no limit.
  package let capacity: Int64?
  /// 0 is no limit.
  package let maxPerStudent: Int64

  package init(capacity: Int64? = nil, maxPerStudent: Int64 = 1) {
    self.capacity = capacity
    self.maxPerStudent = maxPerStudent
  }

  var problems: [FieldProblem] {
    [
      self.capacity.flatMap { Self.problem("capacity", $0, Self.capacityRange) },
      Self.problem("maxPerStudent", self.maxPerStudent, Self.maxPerStudentRange),
    ].compactMap(\.self)
  }

  private static func problem(
    _ field: String, _ number: Int64, _ range: ClosedRange<Int64>
  ) -> FieldProblem? {
    guard !range.contains(number) else { return nil }
    return FieldProblem(
      field, "must be \(range.lowerBound) to \(range.upperBound), got \(number)")
  }
}

/// What a teacher wants the capacity of a course to be from now on.
package enum CapacityChange: Hashable, Sendable {
  case limited(to: Int64)
  case unlimited

  package init(_ capacity: Int64?) {
    self = capacity.map { .limited(to: $0) } ?? .unlimited
  }

  package var seats: Int64? {
    switch self {
    case .limited(let seats): seats
    case .unlimited: nil
    }
  }
}
