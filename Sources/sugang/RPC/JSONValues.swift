/// Cuts JSON values that stand one after the other, in lines or without anything between them.
enum JSONValues {
  /// The bytes of each; whether they are JSON is for a parser to say.
  static func split(_ bytes: [UInt8]) -> [[UInt8]] {
    var values: [[UInt8]] = []
    var current: [UInt8] = []
    var depth = 0
    var isInString = false
    var isEscaped = false
    for byte in bytes {
      let isBlank = byte == 0x20 || (0x09...0x0D).contains(byte)
      if depth == 0, !isInString, isBlank {
        if !current.isEmpty { values.append(current) }
        current = []
        continue
      }
      current.append(byte)
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        guard depth == 0 else { continue }
        values.append(current)
        current = []
      default: break
      }
    }
    if !current.isEmpty { values.append(current) }
    return values
  }
}
