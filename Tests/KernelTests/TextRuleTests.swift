import Kernel
import Testing

@Suite("A rule for a text field")
struct TextRuleTests {
  @Test("counts characters, not bytes", arguments: [("강", true), ("강의", true), ("강의실", false)])
  func length(text: String, isGood: Bool) {
    #expect((TextRule("name", length: 1...2).check(text) == nil) == isGood)
  }

  @Test("a field that must be there may not be blank", arguments: ["", " ", "\u{3000}\t"])
  func blank(text: String) {
    #expect(
      TextRule("name", length: 1...9).check(text) == FieldProblem("name", "must not be blank"))
    #expect(TextRule("name", length: 0...9).check("") == nil)
  }

  @Test("what looks the same is the same", arguments: ["a\u{200B}b", "\u{202E}ab", "ab\u{FEFF}"])
  func invisible(text: String) {
    #expect(
      TextRule("name", length: 1...9).check(text)
        == FieldProblem("name", "must not contain invisible characters"))
  }

  @Test("joined emoji and flags are text", arguments: ["👩‍👧", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"])
  func joined(text: String) {
    #expect(TextRule("name", length: 1...9).check(text) == nil)
  }

  @Test("a blank at either end is refused", arguments: [" kim", "kim ", "\u{3000}kim"])
  func ends(text: String) {
    #expect(
      TextRule("name", length: 1...9).check(text)
        == FieldProblem("name", "must not begin or end with a blank"))
    #expect(TextRule("name", length: 1...9).check("kim lee") == nil)
  }

  @Test("T17: a name is the same name whole or in parts")
  func normalized() {
    let parts = "\u{1100}\u{1161}\u{11BC}"
    #expect(Array(parts.normalized.unicodeScalars) == Array("강".unicodeScalars))
    #expect("john-doe".normalized == "john-doe")
  }

  @Test("control characters are refused", arguments: ["a\u{0}", "a\nb", "\u{7F}x"])
  func control(text: String) {
    #expect(
      TextRule("name", length: 1...9).check(text)
        == FieldProblem("name", "must not contain control characters"))
  }
}
