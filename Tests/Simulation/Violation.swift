/// What must hold at the end of every run.
package enum Invariant: String, CaseIterable, Sendable {
  case i1 = "I1 every acknowledged write survives"
  case i2 = "I2 money and classes agree"
  case i3 = "I3 nobody is in a course twice, and no course is overfull"
  case i4 = "I4 points exactly once a payment"
  case i5 = "I5 gifts at most once a payment"
  case i6 = "I6 event logs have no gap and tell each story once"
  case i7 = "I7 my page, deliveries and alerts equal the events, in bounded time"
  case i8 = "I8 nobody gets another's data"
  case i9 = "I9 nothing piles up"
  case i10 = "I10 nothing begins after its deadline"
  case i11 = "I11 every refusal is typed, and a refusal has no effect"
  case i12 = "I12 the chains of hashes verify"
}

/// Something that must not be.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
  package let invariant: Invariant
  package let what: String

  package init(_ invariant: Invariant, _ what: String) {
    self.invariant = invariant
    self.what = what
  }

  package var description: String { "\(self.invariant.rawValue): \(self.what)" }
}

/// A check that goes on after what it has found.
protocol ViolationNoter {
  var violations: [Violation] { get set }
}

extension ViolationNoter {
  mutating func expect(
    _ isTrue: Bool, _ invariant: Invariant, _ what: @autoclosure () -> String
  ) {
    if !isTrue { self.violations.append(Violation(invariant, what())) }
  }
}
