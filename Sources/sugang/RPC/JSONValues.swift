/// Cuts JSON values that stand one after the other, in lines or without anything between them, out
/// of bytes that come in pieces. Whether they are JSON is for a parser to say.
struct JSONValues {
  struct Value: Hashable, Sendable {
    let bytes: [UInt8]
    /// The one in which it begins, from 1.
    let line: Int
  }

  private var current: [UInt8] = []
  private var firstLine = 1
  private var line = 1
  private var depth = 0
  private var isInString = false
  private var isEscaped = false

  /// Bytes of the value that has begun and has not ended.
  var pendingBytes: Int { self.current.count }
  /// Where that value begins.
  var pendingLine: Int { self.firstLine }

  /// The value that ends with this byte, or before it.
  mutating func feed(_ byte: UInt8) -> Value? {
    defer { if byte == UInt8(ascii: "\n") { self.line += 1 } }
    let isBlank = byte == 0x20 || (0x09...0x0D).contains(byte)
    if self.depth == 0, !self.isInString, isBlank { return self.take() }
    if self.current.isEmpty { self.firstLine = self.line }
    self.current.append(byte)
    if self.isInString {
      if self.isEscaped {
        self.isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        self.isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        self.isInString = false
      }
      return nil
    }
    switch byte {
    case UInt8(ascii: "\""): self.isInString = true
    case UInt8(ascii: "{"), UInt8(ascii: "["): self.depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      // One too many closes nothing, and is a value of its own that no parser takes.
      self.depth = max(self.depth - 1, 0)
      return self.depth == 0 ? self.take() : nil
    default: break
    }
    return nil
  }

  /// What is left when the bytes end: a value that ends with them, or the beginning of one.
  mutating func finish() -> Value? { self.take() }

  private mutating func take() -> Value? {
    guard !self.current.isEmpty else { return nil }
    defer { self.current = [] }
    return Value(bytes: self.current, line: self.firstLine)
  }

  /// All values of `bytes`.
  static func split(_ bytes: [UInt8]) -> [[UInt8]] {
    var values = JSONValues()
    var found = bytes.compactMap { values.feed($0) }
    if let last = values.finish() { found.append(last) }
    return found.map(\.bytes)
  }
}
