/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z.
///
/// Never used to order events (trap T19): sequences do that.
package struct Timestamp: Hashable, Comparable, Sendable {
  package let microseconds: Int64

  package init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.microseconds < right.microseconds
  }

  package func adding(seconds: Int64) -> Timestamp {
    Timestamp(microseconds: self.microseconds + seconds * 1_000_000)
  }

  /// RFC 3339, UTC, microseconds: `2026-11-25T03:04:05.000006Z`.
  package var rfc3339: String {
    let seconds = self.microseconds.floorDivided(by: 1_000_000)
    let fraction = self.microseconds - seconds * 1_000_000
    let days = seconds.floorDivided(by: 86_400)
    let secondOfDay = seconds - days * 86_400
    let date = Timestamp.civilDate(daysSinceEpoch: days)
    return """
      \(Timestamp.pad(date.year, 4))-\(Timestamp.pad(date.month, 2))-\(Timestamp.pad(date.day, 2))\
      T\(Timestamp.pad(secondOfDay / 3600, 2)):\(Timestamp.pad(secondOfDay / 60 % 60, 2)):\
      \(Timestamp.pad(secondOfDay % 60, 2)).\(Timestamp.pad(fraction, 6))Z
      """
  }

  private static func pad(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": `civil_from_days`.
  private static func civilDate(
    daysSinceEpoch: Int64
  ) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = daysSinceEpoch + 719_468
    let era = shifted.floorDivided(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}

/// Where the time of day comes from, so that a test can stop it.
package protocol WallClock: Sendable {
  func now() -> Timestamp
}

extension Int64 {
  fileprivate func floorDivided(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = self.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
