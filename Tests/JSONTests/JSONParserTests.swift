import JSON
import Testing

@Suite("Reading JSON")
struct JSONParserTests {
  @Test(
    "valid texts are read",
    arguments: [
      ("null", JSONValue.null), (" true ", true), ("false", false), ("\"\"", ""), ("[]", []),
      ("{}", [:]), ("\t[\n1 ,\r2 ]", [1, 2]), ("{\"a\":{\"b\":[null]}}", ["a": ["b": [nil]]]),
      ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{c}\n\r\t"),
      ("\"\\u00e9\\uAC15\"", "é강"), ("\"\\ud83d\\uDE00\"", "😀"), ("\"강의 x\\u0041\"", "강의 xA"),
      ("\"\u{7f}\"", "\u{7f}"),
    ] as [(String, JSONValue)])
  func valid(text: String, value: JSONValue) throws {
    #expect(try JSONValue(parsing: text) == value)
  }

  @Test(
    "numbers keep every digit they were written with",
    arguments: [
      "0", "-0", "-1", "10000", "9223372036854775807", "-9223372036854775808",
      "123456789012345678901234567890", "1.50", "-0.1e-10", "1E+3", "0e0",
    ])
  func numbers(text: String) throws {
    #expect(try JSONValue(parsing: text) == .number(text))
  }

  @Test(
    "only plain integers within 64 bits are integers",
    arguments: [
      ("10000", Int64(10_000)), ("-9223372036854775808", Int64.min), ("-0", 0),
      ("9223372036854775808", nil), ("1.0", nil), ("1e3", nil), ("\"1\"", nil), ("null", nil),
    ] as [(String, Int64?)])
  func integers(text: String, value: Int64?) throws {
    #expect(try JSONValue(parsing: text).int64 == value)
  }

  @Test(
    "texts that are not JSON are refused at the byte of the mistake",
    arguments: [
      ("", 0), ("  ", 2), ("nul", 0), ("True", 0), ("[1,]", 3), ("[1 2]", 3), ("[1", 2), ("[", 1),
      ("{\"a\" 1}", 5), ("{a:1}", 1), ("{\"a\":1,}", 7), ("{\"a\":}", 5), ("{\"a\":1", 6),
      ("{,}", 1), ("'a'", 0), ("01", 1), ("-", 1), ("+1", 0), ("1.", 2), (".5", 0), ("1e", 2),
      ("-01", 2), ("0x1", 1), ("NaN", 0), ("1 1", 2), ("{} {}", 3), ("[1]x", 3), ("// c", 0),
      ("\"abc", 4), ("\"a\nb\"", 2), ("\"\\x\"", 1), ("\"\\u12g4\"", 5), ("\"\\", 2),
      ("\u{feff}1", 0),
    ])
  func malformed(text: String, offset: Int) {
    #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    #expect(self.mistake(in: Array(text.utf8))?.offset == offset)
  }

  @Test(
    "what two parsers could understand differently is refused",
    arguments: [
      ("{\"a\":1,\"b\":2,\"a\":3}", 13, "twice"), ("{\"a\":1,\"\\u0061\":2}", 7, "twice"),
      ("\"a\\u0000\"", 2, "NUL"), ("\"\\ud800\"", 1, "surrogate"),
      ("\"\\udc00\\ud800\"", 1, "surrogate"), ("\"\\ud800\\u0041\"", 1, "surrogate"),
      ("\"\\ud800x\"", 1, "surrogate"),
    ])
  func ambiguous(text: String, offset: Int, word: String) {
    let error = self.mistake(in: Array(text.utf8))
    #expect(error?.offset == offset)
    #expect(error?.reason.contains(word) == true)
  }

  @Test("a repeated name is noticed in a large object too")
  func duplicateInLargeObject() {
    let members = (0..<100).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
    #expect(throws: Never.self) { try JSONValue(parsing: "{\(members)}") }
    #expect(throws: JSONError.self) { try JSONValue(parsing: "{\(members),\"n3\":0}") }
    #expect(throws: JSONError.self) { try JSONValue(parsing: "{\(members),\"n99\":0}") }
  }

  @Test(
    "a string that is not UTF-8 is refused where it breaks",
    arguments: [
      ([0x61, 0xFF], 2), ([0xC0, 0x80], 1), ([0xED, 0xA0, 0x80], 1), ([0x61, 0x62, 0xC3], 3),
      ([0xF5, 0x80, 0x80, 0x80], 1), ([0x5C, 0x6E, 0x80], 3),
    ] as [([UInt8], Int)])
  func notUTF8(inside: [UInt8], offset: Int) {
    let error = self.mistake(in: [0x22] + inside + [0x22])
    #expect(error == JSONError(offset: offset, reason: "a string is not UTF-8"))
  }

  @Test("depth, members and bytes have limits")
  func limits() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(throws: Never.self) { try JSONValue(parsing: nested(64)) }
    #expect(self.mistake(in: Array(nested(65).utf8))?.offset == 64)
    #expect(self.mistake(in: Array(repeating: UInt8(ascii: "["), count: 100_000))?.offset == 64)
    let few = JSONLimits(maxBytes: 7, maxMembers: 3)
    #expect(throws: Never.self) { try JSONValue(parsing: Array("[1,2,3]".utf8), limits: few) }
    #expect(throws: JSONError.self) { try JSONValue(parsing: Array("[1,2,3] ".utf8), limits: few) }
    let fewer = JSONLimits(maxBytes: 100, maxMembers: 2)
    #expect(throws: JSONError.self) { try JSONValue(parsing: Array("[1,2,3]".utf8), limits: fewer) }
  }

  @Test("every prefix and every single wrong byte of a text is answered, never a trap")
  func mutations() throws {
    let text = Array(#"{"a":[1,-2.5e3,"x\n\u00e9\ud83d\ude00"],"b":{"c":null,"d":true}}"#.utf8)
    for length in 0..<text.count { #expect(self.mistake(in: Array(text[..<length])) != nil) }
    for place in text.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[place] = byte
        if let value = try? JSONValue(parsing: changed, limits: JSONLimits(maxBytes: 100)) {
          #expect(try JSONValue(parsing: value.text()) == value)
        }
      }
    }
  }

  private func mistake(in bytes: [UInt8]) -> JSONError? {
    do {
      _ = try JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: 1_000_000))
      return nil
    } catch {
      return error
    }
  }
}
