import Synchronization

/// The name of one request in every answer, log line and event, whichever door it came in by.
package enum RequestID {
  /// Longest id taken from a caller, in ASCII characters.
  package static let maxLength = 128
  /// Tells this process from all others.
  private static let process = UInt64.random(in: .min ... .max)
  private static let count = Atomic<UInt64>(UInt64.random(in: .min ... .max))

  /// Takes the caller's own id when it is 1 to ``maxLength`` visible ASCII characters, else makes
  /// one: the id becomes part of events, and what cannot travel there would stop a feed for good.
  package static func accept(_ hint: String?) -> String {
    guard let hint, (1...self.maxLength).contains(hint.utf8.count),
      hint.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return self.make() }
    return hint
  }

  /// 128 bits in hexadecimal: 64 random ones of the process, then a count from a random start.
  ///
  /// Random bits for each request would cost a system call each.
  package static func make() -> String {
    var digits: [UInt8] = []
    digits.reserveCapacity(32)
    self.append(self.process, to: &digits)
    self.append(self.count.wrappingAdd(1, ordering: .relaxed).newValue, to: &digits)
    return String(decoding: digits, as: UTF8.self)
  }

  private static func append(_ bits: UInt64, to digits: inout [UInt8]) {
    for shift in stride(from: 60, through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: bits >> UInt64(shift)) & 15
      digits.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}
