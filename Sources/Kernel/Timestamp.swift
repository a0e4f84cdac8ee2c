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

extension Timestamp {
  /// Reads back what ``rfc3339`` wrote, and any other RFC 3339 moment of UTC with up to nine digits
  /// of a second, of which the ones below a microsecond are dropped.
  ///
  /// - Returns: nil for everything else, also for other offsets and for days no month has.
  package init?(rfc3339 text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z"),
      let year = Timestamp.number(bytes[0..<4]), bytes[4] == UInt8(ascii: "-"),
      let month = Timestamp.number(bytes[5..<7]), bytes[7] == UInt8(ascii: "-"),
      let day = Timestamp.number(bytes[8..<10]), bytes[10] == UInt8(ascii: "T"),
      let hour = Timestamp.number(bytes[11..<13]), bytes[13] == UInt8(ascii: ":"),
      let minute = Timestamp.number(bytes[14..<16]), bytes[16] == UInt8(ascii: ":"),
      let second = Timestamp.number(bytes[17..<19]),
      let fraction = Timestamp.microseconds(bytes[19..<(bytes.count - 1)]),
      (1...12).contains(month), hour < 24, minute < 60, second < 60
    else { return nil }
    let days = Timestamp.daysSinceEpoch(year: year, month: month, day: day)
    guard Timestamp.civilDate(daysSinceEpoch: days) == (year, month, day) else { return nil }
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    self.init(microseconds: seconds * 1_000_000 + fraction)
  }

  /// Digits only: no sign and no blank.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    return Int64(String(decoding: digits, as: UTF8.self))
  }

  /// Nothing, or a point and one to nine digits.
  private static func microseconds(_ text: ArraySlice<UInt8>) -> Int64? {
    guard let point = text.first else { return 0 }
    let digits = text.dropFirst()
    guard point == UInt8(ascii: "."), (1...9).contains(digits.count) else { return nil }
    let zeros = repeatElement(UInt8(ascii: "0"), count: max(0, 6 - digits.count))
    guard Timestamp.number(digits) != nil else { return nil }
    return Timestamp.number(digits.prefix(6) + zeros)
  }

  /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": `days_from_civil`.
  private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let yearFromMarch = month <= 2 ? year - 1 : year
    let era = yearFromMarch.floorDivided(by: 400)
    let yearOfEra = yearFromMarch - era * 400
    let monthFromMarch = month > 2 ? month - 3 : month + 9
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }
}
