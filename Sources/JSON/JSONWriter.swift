/// Writes a value as bytes, either as short as possible or the way Spring's services do.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []
  private let style: JSONStyle

  init(_ style: JSONStyle) {
    self.style = style
    self.bytes.reserveCapacity(512)
  }

  /// `level` is the number of objects around the value; arrays do not indent.
  mutating func write(_ value: JSONValue, level: Int = 0) {
    switch value {
    case .null: self.put("null")
    case .bool(let flag): self.put(flag ? "true" : "false")
    case .number(let literal): self.put(literal)
    case .string(let text): self.writeString(text)
    case .array(let elements): self.writeArray(elements, level: level)
    case .object(let object): self.writeObject(object, level: level)
    }
  }

  private mutating func put(_ text: String) {
    self.bytes.append(contentsOf: text.utf8)
  }

  private mutating func newLine(_ level: Int) {
    self.bytes.append(UInt8(ascii: "\n"))
    for _ in 0..<2 * level { self.bytes.append(UInt8(ascii: " ")) }
  }

  private mutating func writeArray(_ elements: [JSONValue], level: Int) {
    let pretty = self.style == .pretty
    guard !elements.isEmpty else { return self.put(pretty ? "[ ]" : "[]") }
    self.put(pretty ? "[ " : "[")
    for (place, element) in elements.enumerated() {
      if place > 0 { self.put(pretty ? ", " : ",") }
      self.write(element, level: level)
    }
    self.put(pretty ? " ]" : "]")
  }

  private mutating func writeObject(_ object: JSONObject, level: Int) {
    let pretty = self.style == .pretty
    guard !object.isEmpty else { return self.put(pretty ? "{ }" : "{}") }
    self.bytes.append(UInt8(ascii: "{"))
    var first = true
    for member in object.members {
      if !first { self.bytes.append(UInt8(ascii: ",")) }
      first = false
      if pretty { self.newLine(level + 1) }
      self.writeString(member.name)
      self.put(pretty ? " : " : ":")
      self.write(member.value, level: level + 1)
    }
    if pretty { self.newLine(level) }
    self.bytes.append(UInt8(ascii: "}"))
  }

  private mutating func writeString(_ text: String) {
    self.bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
        self.bytes.append(byte)
      } else {
        self.writeEscaped(byte)
      }
    }
    self.bytes.append(UInt8(ascii: "\""))
  }

  private mutating func writeEscaped(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): self.put("\\\"")
    case UInt8(ascii: "\\"): self.put("\\\\")
    case 0x08: self.put("\\b")
    case 0x09: self.put("\\t")
    case 0x0A: self.put("\\n")
    case 0x0C: self.put("\\f")
    case 0x0D: self.put("\\r")
    case 0..<0x20:
      self.put(byte < 0x10 ? "\\u000" : "\\u00")
      self.put(String(byte, radix: 16))
    default: preconditionFailure("byte \(byte) needs no escape")
    }
  }
}

/// How JSON is laid out.
package enum JSONStyle: Hashable, Sendable {
  /// No blanks at all.
  case compact
  /// Two spaces a level and `"name" : value`: byte for byte what the seed's services answer.
  case pretty
}

extension JSONValue {
  package func bytes(_ style: JSONStyle = .compact) -> [UInt8] {
    var writer = JSONWriter(style)
    writer.write(self)
    return writer.bytes
  }

  package func text(_ style: JSONStyle = .compact) -> String {
    String(decoding: self.bytes(style), as: UTF8.self)
  }
}
