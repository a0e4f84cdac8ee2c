import JSON
import Kernel

/// Reads the fields of a JSON object and collects everything that is wrong with them.
///
/// A field that is missing or wrong reads as an empty value, so that all fields are looked at;
/// ``finish()`` then throws before any of those values is used:
///
///     var fields = try request.fields()
///     let name = fields.string("name")
///     let fee = fields.money("fee")
///     try fields.finish()
package struct FieldReader {
  private let object: JSONObject
  private var known: [String] = []
  private var problems: [FieldProblem] = []

  /// - Throws: ``Problem`` when the body is not an object.
  package init(_ body: JSONValue) throws(Problem) {
    guard let object = body.object else {
      throw .invalid([.init("body", "must be an object, got \(body.kindInWords)")])
    }
    self.object = object
  }

  /// - Throws: ``Problem`` with every missing, wrong and unknown field.
  package mutating func finish() throws(Problem) {
    for member in self.object.members where !self.known.contains(member.name) {
      // A client may send back what it got: links are not fields.
      if member.name == "_links" { continue }
      self.problems.append(.init(String(member.name.prefix(64)), "is not a field of this resource"))
    }
    guard self.problems.isEmpty else { throw .invalid(self.problems) }
  }

  /// Adds what a caller's own check found.
  package mutating func reject(_ name: String, _ reason: String) {
    self.problems.append(.init(name, reason))
  }

  // MARK: Fields that must be there

  /// - Parameter length: in Unicode scalars.
  package mutating func string(_ name: String, length: ClosedRange<Int>? = nil) -> String {
    self.required(name, self.optionalString(name, length: length)) ?? ""
  }

  /// The name of whom a command is about. Whoever showed who they are may leave it out, and it
  /// reads as empty.
  package mutating func person(_ name: String, of caller: Caller) -> String {
    caller.subject == nil ? self.string(name) : self.optionalString(name) ?? ""
  }

  /// An integer, written as a number or as a decimal string.
  package mutating func int64(_ name: String, in range: ClosedRange<Int64>? = nil) -> Int64 {
    self.required(name, self.optionalInt64(name, in: range)) ?? 0
  }

  package mutating func id<Kind>(_ name: String) -> Identifier<Kind> {
    Identifier(self.int64(name))
  }

  package mutating func money(_ name: String) -> Money {
    self.required(name, self.optionalMoney(name)) ?? .zero
  }

  // MARK: Fields that may be left out; null is refused

  package mutating func optionalString(
    _ name: String, length: ClosedRange<Int>? = nil
  ) -> String? {
    guard let value = self.value(name) else { return nil }
    guard let text = value.string else {
      self.reject(name, "must be a string, got \(value.kindInWords)")
      return nil
    }
    if let length, !length.contains(text.unicodeScalars.count) {
      self.reject(name, "must have \(length.lowerBound) to \(length.upperBound) characters")
      return nil
    }
    return text
  }

  package mutating func optionalInt64(
    _ name: String, in range: ClosedRange<Int64>? = nil
  ) -> Int64? {
    guard let value = self.value(name) else { return nil }
    guard let number = FieldReader.integer(value) else {
      self.reject(name, FieldReader.whyNoInteger(value))
      return nil
    }
    if let range, !range.contains(number) {
      self.reject(name, "must be \(range.lowerBound) to \(range.upperBound), got \(number)")
      return nil
    }
    return number
  }

  package mutating func optionalID<Kind>(_ name: String) -> Identifier<Kind>? {
    self.optionalInt64(name).map { Identifier($0) }
  }

  package mutating func optionalMoney(_ name: String) -> Money? {
    guard let won = self.optionalInt64(name) else { return nil }
    do {
      return try Money(won: won)
    } catch {
      self.reject(name, error.reason)
      return nil
    }
  }

  // MARK: -

  private mutating func value(_ name: String) -> JSONValue? {
    self.known.append(name)
    guard let value = self.object[name] else { return nil }
    guard !value.isNull else {
      self.reject(name, "must not be null")
      return nil
    }
    return value
  }

  private mutating func required<Value>(_ name: String, _ value: Value?) -> Value? {
    if value == nil, self.object[name] == nil { self.reject(name, "is missing") }
    return value
  }

  private static func integer(_ value: JSONValue) -> Int64? {
    switch value {
    case .number: value.int64
    case .string(let text): DecimalText.int64(text)
    default: nil
    }
  }

  private static func whyNoInteger(_ value: JSONValue) -> String {
    switch value {
    case .number, .string: "must be an integer of 64 bits, as a number or a decimal string"
    default: "must be an integer, got \(value.kindInWords)"
    }
  }
}
