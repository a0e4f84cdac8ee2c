/// The name of one request in every answer, log line and event.
enum RequestID {
  private static let maxLength = 128

  /// Takes the caller's own id when it is 1 to 128 visible ASCII characters, else makes one.
  static func accept(_ hint: String?) -> String {
    guard let hint, (1...self.maxLength).contains(hint.utf8.count),
      hint.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return self.make() }
    return hint
  }

  /// 128 random bits in hexadecimal.
  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    var digits: [UInt8] = []
    digits.reserveCapacity(32)
    for _ in 0..<2 {
      var bits = generator.next()
      for _ in 0..<16 {
        let digit = UInt8(bits & 15)
        digits.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        bits >>= 4
      }
    }
    return String(decoding: digits, as: UTF8.self)
  }
}
