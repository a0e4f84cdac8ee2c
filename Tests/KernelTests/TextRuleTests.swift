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

  @Test("control characters are refused", arguments: ["a\u{0}", "a\nb", "\u{7F}x"])
  func control(text: String) {
    #expect(
      TextRule("name", length: 1...9).check(text)
        == FieldProblem("name", "must not contain control characters"))
  }
}
