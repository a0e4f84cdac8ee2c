import Testing
import W3CTrace

/// The cases of <https://www.w3.org/TR/trace-context> and of its test suite.
@Suite("W3C trace context")
struct TraceContextTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let valid = "00-\(trace)-00f067aa0ba902b7-01"

  @Test("a parent is read and written again")
  func roundTrip() throws {
    let context = try #require(TraceContext(parents: [Self.valid]))
    #expect(context.parent == Self.valid)
    #expect("\(context.traceID)" == Self.trace)
    #expect(context.spanID == 0x00f0_67aa_0ba9_02b7)
    #expect(context.isSampled)
    #expect(context.state.isEmpty)
    let notSampled = try #require(TraceContext(parents: ["00-\(Self.trace)-00f067aa0ba902b7-00"]))
    #expect(!notSampled.isSampled)
  }

  @Test(
    "what is no parent begins a new trace",
    arguments: [
      "", "00", "\(trace)",
      // The version: ff is forbidden, of two digits in lower case.
      "ff-\(trace)-00f067aa0ba902b7-01", "0-\(trace)-00f067aa0ba902b7-01",
      "000-\(trace)-00f067aa0ba902b7-01", "0x-\(trace)-00f067aa0ba902b7-01",
      "FE-\(trace)-00f067aa0ba902b7-01", ".0-\(trace)-00f067aa0ba902b7-01",
      // The trace id: 32 digits, not all zero.
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e47361-00f067aa0ba902b7-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
      // The span id: 16 digits, not all zero.
      "00-\(trace)-0000000000000000-01", "00-\(trace)-00f067aa0ba902b-01",
      "00-\(trace)-00f067aa0ba902b71-01", "00-\(trace)-00F067AA0BA902B7-01",
      "00-\(trace)-00f067aa0ba902b.-01",
      // The flags: two digits.
      "00-\(trace)-00f067aa0ba902b7-", "00-\(trace)-00f067aa0ba902b7-1",
      "00-\(trace)-00f067aa0ba902b7-.0", "00-\(trace)-00f067aa0ba902b7-0A",
      // Version 00 has nothing behind them; a later one only behind a dash.
      "00-\(trace)-00f067aa0ba902b7-01-", "00-\(trace)-00f067aa0ba902b7-01-more",
      "cc-\(trace)-00f067aa0ba902b7-01.more", "cc-\(trace)-00f067aa0ba902b7-012",
      // The dashes.
      "00_\(trace)-00f067aa0ba902b7-01", "00-\(trace)_00f067aa0ba902b7-01",
      "00-\(trace)-00f067aa0ba902b7_01", " \(valid)", "\(valid) ",
    ])
  func malformed(parent: String) {
    #expect(TraceContext(parents: [parent]) == nil)
  }

  @Test("there is exactly one parent")
  func onlyOne() {
    #expect(TraceContext(parents: []) == nil)
    #expect(TraceContext(parents: [Self.valid, Self.valid]) == nil)
  }

  @Test(
    "a later version is read as far as it is known, and answered in this one",
    arguments: [
      "cc-\(trace)-00f067aa0ba902b7-01", "cc-\(trace)-00f067aa0ba902b7-01-",
      "cc-\(trace)-00f067aa0ba902b7-01-what-comes-then", "01-\(trace)-00f067aa0ba902b7-01",
      "fe-\(trace)-00f067aa0ba902b7-01",
    ])
  func laterVersion(parent: String) {
    #expect(TraceContext(parents: [parent])?.parent == Self.valid)
  }

  @Test(
    "flags that nobody knows are not passed on; sampled and random are",
    arguments: [("ff", "03"), ("04", "00"), ("fd", "01"), ("02", "02"), ("03", "03")])
  func flags(sent: String, passedOn: String) {
    let context = TraceContext(parents: ["00-\(Self.trace)-00f067aa0ba902b7-\(sent)"])
    #expect(context?.parent.hasSuffix("-\(passedOn)") == true)
  }

  @Test("a child is of the same trace, with a span of its own; a root of a new trace")
  func children() throws {
    let context = try #require(TraceContext(parents: [Self.valid], states: ["a=1"]))
    let child = context.child()
    #expect(child.traceID == context.traceID)
    #expect(child.spanID != context.spanID)
    #expect(child.isSampled)
    #expect(child.state == "a=1")
    let roots = (0..<1_000).map { _ in TraceContext.root() }
    #expect(Set(roots.map(\.traceID)).count == 1_000)
    #expect(Set(roots.map(\.spanID)).count == 1_000)
    #expect(roots.allSatisfy { !$0.isSampled && TraceContext(parents: [$0.parent]) == $0 })
  }

  @Test(
    "the state is passed on in one line, without what means nothing",
    arguments: [
      (["foo=1"], "foo=1"), (["foo=1,bar=2"], "foo=1,bar=2"), (["foo=1", "bar=2"], "foo=1,bar=2"),
      (["foo=1 \t , \t bar=2"], "foo=1,bar=2"), (["foo=1,", "", ",bar=2"], "foo=1,bar=2"),
      ([""], ""), ([","], ""), (["foo@bar=1"], "foo@bar=1"), (["0foo@bar=1"], "0foo@bar=1"),
      (["a_-*/9=1"], "a_-*/9=1"), (["foo= 1"], "foo= 1"), (["foo=!~"], "foo=!~"),
      (["\(String(repeating: "z", count: 256))=1"], "\(String(repeating: "z", count: 256))=1"),
      (
        ["t\(String(repeating: "z", count: 240))@s\(String(repeating: "z", count: 13))=1"],
        "t\(String(repeating: "z", count: 240))@s\(String(repeating: "z", count: 13))=1"
      ),
      (["a=\(String(repeating: "v", count: 256))"], "a=\(String(repeating: "v", count: 256))"),
    ])
  func state(lines: [String], passedOn: String) {
    #expect(TraceContext(parents: [Self.valid], states: lines)?.state == passedOn)
  }

  @Test("32 members are passed on, 33 are not")
  func members() {
    let members = (0..<33).map { "k\($0)=1" }
    let most = members.dropLast().joined(separator: ",")
    #expect(TraceContext(parents: [Self.valid], states: [most])?.state == most)
    #expect(TraceContext(parents: [Self.valid], states: members)?.state == "")
  }

  @Test(
    "a malformed state is left out, and the trace goes on",
    arguments: [
      "foo", "foo=", "=1", "foo =1", "FOO=1", "foo=1=2", "foo=1,foo=2", "foo.bar=1", "0foo=1",
      "foo@=1", "@foo=1", "foo@@bar=1", "foo@bar@baz=1", "foo@0bar=1", "foo=\u{7F}", "foo=é",
      "foo=1;bar=2,é=1", "\(String(repeating: "z", count: 257))=1",
      "t\(String(repeating: "z", count: 241))@v=1", "t@v\(String(repeating: "z", count: 14))=1",
      "a=\(String(repeating: "v", count: 257))",
    ])
  func malformedState(line: String) throws {
    let context = try #require(TraceContext(parents: [Self.valid], states: [line]))
    #expect(context.state.isEmpty)
    #expect(context.parent == Self.valid)
  }
}
