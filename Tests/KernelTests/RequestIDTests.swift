import Kernel
import Testing

@Suite("The id of a request")
struct RequestIDTests {
  @Test(
    "a caller's own is taken when it is short and visible",
    arguments: ["a", "my-id/1", "pay-0a1b-7", String(repeating: "x", count: 128)])
  func takes(_ id: String) {
    #expect(RequestID.accept(id) == id)
  }

  @Test(
    "another one is replaced by one of our own",
    arguments: [
      nil, "", " ", "a b", "a\u{0}", "\u{0}", "a\n", "\u{7F}", "é",
      String(repeating: "x", count: 129),
    ])
  func replaces(_ id: String?) {
    let first = RequestID.accept(id)
    #expect(first.utf8.count == 32)
    #expect(first.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    #expect(first != RequestID.accept(id))
  }
}
