/// Reads RFC 8259 strictly: what two parsers could understand differently is an error.
///
/// So duplicate names, NUL, lone surrogates, invalid UTF-8 and trailing bytes are all refused.
struct JSONParser {
  let bytes: [UInt8]
  var position = 0
  private let limits: JSONLimits
  private var memberCount = 0

  init(_ bytes: [UInt8], limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// The one value that the bytes hold.
  mutating func document() throws(JSONError) -> JSONValue {
    guard self.bytes.count <= self.limits.maxBytes else {
      throw JSONError(
        offset: self.limits.maxBytes, reason: "more than \(self.limits.maxBytes) bytes")
    }
    let value = try self.value(depth: 0)
    self.skipBlanks()
    guard self.position == self.bytes.count else { throw self.mistake("bytes after the value") }
    return value
  }

  /// The byte at the position, or nil at the end.
  var next: UInt8? {
    self.position < self.bytes.count ? self.bytes[self.position] : nil
  }

  func mistake(_ reason: String) -> JSONError {
    JSONError(offset: self.position, reason: reason)
  }

  private mutating func skipBlanks() {
    while let byte = self.next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      self.position += 1
    }
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    self.skipBlanks()
    guard let byte = self.next else { throw self.mistake("a value is missing") }
    switch byte {
    case UInt8(ascii: "{"): return try self.object(depth: depth + 1)
    case UInt8(ascii: "["): return try self.array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try self.string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return .number(try self.number())
    case UInt8(ascii: "t"): return try self.word("true", .bool(true))
    case UInt8(ascii: "f"): return try self.word("false", .bool(false))
    case UInt8(ascii: "n"): return try self.word("null", .null)
    default: throw self.mistake("a value cannot start with this byte")
    }
  }

  private mutating func word(
    _ word: StaticString, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    let text = word.description.utf8
    guard self.bytes[self.position...].starts(with: text) else {
      throw self.mistake("only true, false and null are words")
    }
    self.position += text.count
    return value
  }

  private mutating func countMember() throws(JSONError) {
    self.memberCount += 1
    guard self.memberCount <= self.limits.maxMembers else {
      throw self.mistake("more than \(self.limits.maxMembers) members and elements")
    }
  }

  private func check(_ depth: Int) throws(JSONError) {
    guard depth <= self.limits.maxDepth else {
      throw self.mistake("nested deeper than \(self.limits.maxDepth)")
    }
  }

  /// Goes past what stands between two members: true when another follows, false at the end.
  private mutating func another(until end: UInt8) throws(JSONError) -> Bool {
    self.skipBlanks()
    guard let byte = self.next, byte == UInt8(ascii: ",") || byte == end else {
      throw self.mistake("a comma or \(Character(Unicode.Scalar(end))) is missing")
    }
    self.position += 1
    return byte != end
  }

  /// Goes past an opening bracket: true when the closing one follows at once.
  private mutating func openedEmpty(_ end: UInt8) -> Bool {
    self.position += 1
    self.skipBlanks()
    guard self.next == end else { return false }
    self.position += 1
    return true
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    try self.check(depth)
    var elements: [JSONValue] = []
    let end = UInt8(ascii: "]")
    guard !self.openedEmpty(end) else { return .array([]) }
    repeat {
      try self.countMember()
      elements.append(try self.value(depth: depth))
    } while try self.another(until: end)
    return .array(elements)
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    try self.check(depth)
    var object = JSONObject()
    var names = NameSet()
    let end = UInt8(ascii: "}")
    guard !self.openedEmpty(end) else { return .object(object) }
    object.reserveCapacity(8)
    repeat {
      try self.countMember()
      self.skipBlanks()
      let start = self.position
      guard self.next == UInt8(ascii: "\"") else { throw self.mistake("a name is missing") }
      let name = try self.string()
      guard names.insert(name, beside: object) else {
        throw JSONError(offset: start, reason: "a name appears twice in one object")
      }
      self.skipBlanks()
      guard self.next == UInt8(ascii: ":") else { throw self.mistake("a colon is missing") }
      self.position += 1
      object.append(name, try self.value(depth: depth))
    } while try self.another(until: end)
    return .object(object)
  }
}

/// Notices a repeated name: by looking through a small object, by a set in a large one, so that
/// a hostile object does not cost the square of its size.
private struct NameSet {
  private static let smallCount = 16
  private var names: Set<String> = []

  mutating func insert(_ name: String, beside object: JSONObject) -> Bool {
    if object.members.count < NameSet.smallCount { return object[name] == nil }
    if self.names.isEmpty { self.names = Set(object.members.map(\.name)) }
    return self.names.insert(name).inserted
  }
}

extension JSONValue {
  /// Reads one JSON text.
  package init(parsing bytes: [UInt8], limits: JSONLimits) throws(JSONError) {
    var parser = JSONParser(bytes, limits: limits)
    self = try parser.document()
  }

  /// Reads one JSON text that is trusted to be of a sane size.
  package init(parsing text: String) throws(JSONError) {
    let bytes = Array(text.utf8)
    try self.init(parsing: bytes, limits: JSONLimits(maxBytes: bytes.count))
  }
}
