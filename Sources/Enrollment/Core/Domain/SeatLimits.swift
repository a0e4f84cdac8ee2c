import Kernel

/// How many students a course takes in at once, and one student how often, as Course tells it.
package struct SeatLimits: Hashable, Sendable {
  /// As many students as come, each once: what a course without a word about it has.
  package static let standard = SeatLimits()

  /// nil is no limit.
  package let capacity: Int64?
  /// 0 is no limit.
  package let maxPerStudent: Int64

  private init() {
    self.capacity = nil
    self.maxPerStudent = 1
  }

  /// - Throws: ``InvalidSeatLimits``: a capacity below 1, or less than no class a student.
  package init(capacity: Int64?, maxPerStudent: Int64 = 1) throws(InvalidSeatLimits) {
    guard capacity ?? 1 >= 1, maxPerStudent >= 0 else {
      throw InvalidSeatLimits(capacity: capacity, maxPerStudent: maxPerStudent)
    }
    self.capacity = capacity
    self.maxPerStudent = maxPerStudent
  }
}

/// No course can have such limits.
package struct InvalidSeatLimits: Error, Hashable {
  package let capacity: Int64?
  package let maxPerStudent: Int64
}

/// How seats are given to those who wait.
package struct SeatPolicy: Hashable, Sendable {
  /// For how long a seat is kept for the next in line, in seconds.
  package static let defaultOfferSeconds: Int64 = 900
  package static let standard = SeatPolicy()

  package let offerSeconds: Int64

  package init(offerSeconds: Int64 = SeatPolicy.defaultOfferSeconds) {
    self.offerSeconds = offerSeconds
  }
}
