import Kernel
import Testing

@Suite("Fields in one text")
struct FieldTextTests {
  @Test(
    "come back as they went in",
    arguments: [
      [], [""], ["", ""], ["7", "kim"], ["1:a,", ",", ":"], ["수강", "a\u{0}b\n", "12:"],
    ])
  func roundTrip(fields: [String]) {
    #expect(FieldText.decode(FieldText.encode(fields)) == fields)
  }

  @Test("different fields make different texts")
  func unambiguous() {
    #expect(FieldText.encode(["ab", "c"]) != FieldText.encode(["a", "bc"]))
    #expect(FieldText.encode(["a,"]) != FieldText.encode(["a", ""]))
  }

  @Test(
    "other text is refused", arguments: ["x", "1", "1:", "1:a", "2:a,", "-1:,", "1:ab,", "99:a,"])
  func refused(text: String) {
    #expect(FieldText.decode(text) == nil)
  }
}
