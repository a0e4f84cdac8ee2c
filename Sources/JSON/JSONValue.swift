/// One JSON value, with nothing lost: members keep their order and numbers their digits.
///
/// Two values are equal when they are written alike, so `1` and `1.0` differ, and so do objects
/// whose members stand in another order.
package enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// The number as it was written: `10000`, `-0`, `1e3`.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

extension JSONValue {
  package static func integer(_ value: Int64) -> JSONValue { .number(String(value)) }

  package static func integer(_ value: Int) -> JSONValue { .number(String(value)) }

  package static func optional(_ value: String?) -> JSONValue {
    value.map(JSONValue.string) ?? .null
  }

  package static func optional(_ value: Int64?) -> JSONValue {
    value.map { .integer($0) } ?? .null
  }

  /// The integer when this is a plain one within 64 bits: no fraction, no exponent.
  package var int64: Int64? {
    guard case .number(let literal) = self else { return nil }
    return Int64(literal)
  }

  package var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  package var bool: Bool? {
    guard case .bool(let flag) = self else { return nil }
    return flag
  }

  package var array: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  package var object: JSONObject? {
    guard case .object(let object) = self else { return nil }
    return object
  }

  package var isNull: Bool { self == .null }

  /// The member of that name, when this is an object and has it.
  package subscript(name: String) -> JSONValue? { self.object?[name] }

  /// The element at that place, when this is an array and has it.
  package subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// For sentences: `a string`, `null`.
  package var kindInWords: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) {
    self = .string(value)
  }

  package init(integerLiteral value: Int64) {
    self = .integer(value)
  }

  package init(booleanLiteral value: Bool) {
    self = .bool(value)
  }

  package init(nilLiteral: ()) {
    self = .null
  }

  package init(arrayLiteral elements: JSONValue...) {
    self = .array(elements)
  }

  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map(JSONObject.Member.init)))
  }
}
