import Synchronization

/// Ids that do not come twice, made without asking the system for each.
///
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014) from a
/// random start. They name, they guard nothing: nobody may take one for a secret.
enum TraceIDs {
  private static let state = Atomic(UInt64.random(in: .min ... .max))

  /// Never zero.
  static func next() -> UInt64 {
    while true {
      var id = self.state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
      id = (id ^ (id >> 30)) &* 0xBF58_476D_1CE4_E5B9
      id = (id ^ (id >> 27)) &* 0x94D0_49BB_1331_11EB
      id ^= id >> 31
      if id != 0 { return id }
    }
  }
}

/// Digits in lower case, of the full width.
enum Hexadecimal {
  static func text(_ value: some FixedWidthInteger & UnsignedInteger) -> String {
    let width = type(of: value).bitWidth / 4
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: width - digits.utf8.count) + digits
  }

  /// nil for what is no digit, or one in upper case.
  static func value(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit & 0xF)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - 87)
      default: return nil
      }
    }
    return value
  }
}
