/// Strings and numbers.
extension JSONParser {
  /// Reads a string; the position is at its opening quote.
  mutating func string() throws(JSONError) -> String {
    self.position += 1
    let start = self.position
    while let byte = self.next {
      switch byte {
      case UInt8(ascii: "\""):
        let text = try self.text(self.bytes[start..<self.position], of: start)
        self.position += 1
        return text
      case UInt8(ascii: "\\"): return try self.escapedString(from: start)
      case 0..<0x20: throw self.mistake("a control character in a string must be escaped")
      default: self.position += 1
      }
    }
    throw self.mistake("a string is not closed")
  }

  /// The same from the first backslash on, with the plain beginning at `start`.
  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var text = Array(self.bytes[start..<self.position])
    while let byte = self.next {
      switch byte {
      case UInt8(ascii: "\""):
        let text = try self.text(text[...], of: start)
        self.position += 1
        return text
      case UInt8(ascii: "\\"): try self.escape(into: &text)
      case 0..<0x20: throw self.mistake("a control character in a string must be escaped")
      default:
        text.append(byte)
        self.position += 1
      }
    }
    throw self.mistake("a string is not closed")
  }

  /// `start` is where the string begins in the input, to find a wrong byte again.
  private func text(
    _ utf8: ArraySlice<UInt8>, of start: Int
  ) throws(JSONError) -> String {
    if let text = String(validating: utf8, as: UTF8.self) { return text }
    var parser = Unicode.UTF8.ForwardParser()
    var rest = self.bytes[start..<self.position].makeIterator()
    var offset = start
    while case .valid(let scalar) = parser.parseScalar(from: &rest) { offset += scalar.count }
    throw JSONError(offset: offset, reason: "a string is not UTF-8")
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    let start = self.position
    self.position += 1
    guard let byte = self.next else { throw self.mistake("a string is not closed") }
    self.position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      guard let utf8 = UTF8.encode(try self.escapedScalar(from: start)) else {
        throw JSONError(offset: start, reason: "an escape is no Unicode scalar")
      }
      text.append(contentsOf: utf8)
    default: throw JSONError(offset: start, reason: "there is no such escape")
    }
  }

  /// One `\u` and four digits, or the two of a surrogate pair; the position is after the first `\u`.
  private mutating func escapedScalar(from start: Int) throws(JSONError) -> Unicode.Scalar {
    let first = try self.fourHexDigits()
    guard first != 0 else { throw JSONError(offset: start, reason: "NUL is not accepted") }
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard (0xD800..<0xDC00).contains(first), self.bytes[self.position...].starts(with: "\\u".utf8)
    else { throw JSONError(offset: start, reason: "a surrogate stands alone") }
    self.position += 2
    let second = try self.fourHexDigits()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw JSONError(offset: start, reason: "a surrogate stands alone") }
    return scalar
  }

  private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = self.next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw self.mistake("\\u needs four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      self.position += 1
    }
    return value
  }

  /// Reads a number and keeps it as it was written.
  mutating func number() throws(JSONError) -> String {
    let start = self.position
    if self.next == UInt8(ascii: "-") { self.position += 1 }
    if self.next == UInt8(ascii: "0") {
      self.position += 1
      if let byte = self.next, JSONParser.isDigit(byte) {
        throw self.mistake("a number cannot start with 0")
      }
    } else {
      try self.digits()
    }
    if self.next == UInt8(ascii: ".") {
      self.position += 1
      try self.digits()
    }
    if self.next == UInt8(ascii: "e") || self.next == UInt8(ascii: "E") {
      self.position += 1
      if self.next == UInt8(ascii: "+") || self.next == UInt8(ascii: "-") { self.position += 1 }
      try self.digits()
    }
    return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
  }

  private mutating func digits() throws(JSONError) {
    let start = self.position
    while let byte = self.next, JSONParser.isDigit(byte) { self.position += 1 }
    guard self.position > start else { throw self.mistake("a digit is missing") }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }
}
