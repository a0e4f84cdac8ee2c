import FramedRPC
import JSON
import NIOCore
import NIOEmbedded
import Testing

@testable import sugang

@Suite("Load at a fixed rate")
struct OpenLoadTests {
  /// Calls that end when the test says so, on a loop whose time the test moves.
  private final class Bench {
    let loop = EmbeddedEventLoop()
    private(set) var begun: [(number: Int, at: NIODeadline)] = []
    private var open: [@Sendable (OpenLoad.Outcome) -> Void] = []
    private(set) lazy var load = OpenLoad(loop: self.loop, plan: self.plan) { number, ended in
      self.begun.append((number, self.loop.now))
      self.open.append(ended)
    }
    private let plan: OpenLoad.Plan

    init(rate: Double, seconds: Int, maxInFlight: Int = 1000, kind: RPCKind = .unary) {
      self.plan = OpenLoad.Plan(
        rate: rate, duration: .seconds(seconds), maxInFlight: maxInFlight, kind: kind)
    }

    func endOldest(_ status: RPCStatus = .ok, sent: Int = 0, received: Int = 0) {
      self.open.removeFirst()(
        OpenLoad.Outcome(status: status, sent: sent, received: received))
    }
  }

  @Test("calls begin when they are due, whether or not those before have ended")
  func rate() {
    let bench = Bench(rate: 10, seconds: 1)
    let start = bench.loop.now
    let over = bench.load.start()
    bench.loop.advanceTime(by: .seconds(2))
    #expect(bench.begun.map(\.number) == Array(0..<10))
    #expect(bench.begun.map(\.at) == (0..<10).map { start + .milliseconds($0 * 100) })
    #expect(bench.load.inFlight == 10)
    for _ in 0..<10 {
      #expect(!bench.load.final.isOver)
      bench.endOldest()
    }
    #expect(bench.load.final.isOver)
    #expect(throws: Never.self) { try over.wait() }
    #expect(bench.load.final.calls == 10)
    #expect(bench.load.final.errors == 0)
  }

  @Test("what is due while the most are in flight is dropped and counted")
  func dropped() {
    let bench = Bench(rate: 10, seconds: 1, maxInFlight: 3)
    _ = bench.load.start()
    bench.loop.advanceTime(by: .milliseconds(550))
    #expect(bench.begun.map(\.number) == [0, 1, 2])
    bench.endOldest()
    bench.loop.advanceTime(by: .seconds(1))
    #expect(bench.begun.map(\.number) == [0, 1, 2, 6])
    for _ in 0..<3 {
      bench.endOldest(.deadlineExceeded)
    }
    let result = bench.load.final
    #expect(result.isOver)
    #expect(result.dropped == 6)
    #expect(result.droppedShare == 0.6)
    #expect(result.calls == 4)
    #expect(result.errors == 3)
    #expect(result.statuses == [.ok: 1, .deadlineExceeded: 3])
  }

  @Test("messages are counted of every stream that has ended, also of one that failed")
  func messages() throws {
    let bench = Bench(rate: 2, seconds: 1, kind: .bidirectional)
    _ = bench.load.start()
    bench.loop.advanceTime(by: .seconds(4))
    bench.endOldest(sent: 3, received: 5)
    bench.endOldest(.unavailable, sent: 2, received: 0)
    let result = bench.load.final
    #expect(result.isOver)
    #expect((result.sent, result.received) == (5, 5))
    // Ten in the four seconds until the last stream ended.
    #expect(result.messagesPerSecond == 2.5)
    #expect(result.max > 3_990)
    let text = result.text([])
    #expect(text.contains("ended      2 streams, 0.5/s\n"))
    #expect(text.contains("sent       5 messages, 1.25/s\n"))
    #expect(text.contains("received   5 messages, 1.25/s\n"))
    #expect(text.contains("latency    from the intended start to the end, in ms\n"))
    let json = result.json([])
    #expect(json["kind"] == "bidirectional")
    #expect(json["messages"]?["perSecond"] == .number("2.5"))
    for (threshold, holds) in [("messages>=2.5/s", true), ("messages>2.5", false)] {
      let threshold = try #require(PressThreshold(argument: threshold))
      #expect(threshold.check(result).holds == holds)
    }
  }

  @Test("latency counts from when a call was due, also when the generator was late")
  func intendedStart() {
    let bench = Bench(rate: 1000, seconds: 1)
    _ = bench.load.start()
    // The loop stands still for half a second: 500 calls begin late, all at once, and end at once.
    bench.loop.advanceTime(by: .milliseconds(1))
    let begunBefore = bench.begun.count
    #expect(begunBefore == 2)
    let before = bench.loop.now
    bench.loop.advanceTime(to: before + .milliseconds(500))
    while bench.load.inFlight > 0 {
      bench.endOldest()
    }
    #expect(bench.load.current.calls == 502)
    // The call that was due first had waited the longest.
    #expect(abs(bench.load.current.max - 501) < 5)
    #expect(abs(bench.load.current.quantile(0.5) - 250) < 5)
  }
}

@Suite("The text of a request that differs from call to call")
struct RequestTemplateTests {
  @Test("the counter and a random number are put in, within strings and as numbers")
  func placeholders() throws {
    let template = try RequestTemplate(#"{"a":"s{{i}}","b":{{ random }},"c":{"d":{{i}}}}"#)
    #expect(!template.isConstant)
    #expect(template.text(7) { 42 } == #"{"a":"s7","b":42,"c":{"d":7}}"#)
  }

  @Test("JSON without them stays as it is", arguments: ["{}", #"{"a":{"b":{}}}"#, #"{"a":"{{"}"#])
  func constant(json: String) throws {
    let template = try RequestTemplate(json)
    #expect(template.isConstant)
    #expect(template.text(1) == json)
  }

  @Test("a placeholder that does not exist is refused")
  func unknown() {
    #expect(throws: CommandFailure.self) { try RequestTemplate(#"{"a": "{{uuid}}"}"#) }
  }

  @Test("random numbers differ and are exact in JSON")
  func random() throws {
    let template = try RequestTemplate("{{random}}")
    let numbers = (0..<20).compactMap { Int(template.text($0)) }
    #expect(Set(numbers).count == 20)
    #expect(numbers.allSatisfy { (0..<1 << 53).contains($0) })
  }
}

@Suite("Thresholds of a load")
struct PressThresholdTests {
  /// 97 calls of 1 to 97 ms, 3 failed ones of 98 to 100 ms and 25 dropped ones, in 10 seconds.
  private static let result: PressResult = {
    var result = PressResult(
      plan: OpenLoad.Plan(rate: 12.5, duration: .seconds(10), maxInFlight: 1))
    for milliseconds in 1...100 {
      result.record(
        OpenLoad.Outcome(status: milliseconds <= 97 ? .ok : .notFound),
        latency: .milliseconds(Int64(milliseconds)))
    }
    result.dropped = 25
    result.elapsed = .seconds(10)
    return result
  }()

  @Test(
    "each metric is compared in its unit",
    arguments: [
      ("p50<51ms", true, "50"), ("p50<50ms", false, "50"), ("p99.99 <= 0.1s", true, "100.000 ms"),
      ("max>=100000us", true, "100.000 ms"), ("mean>50.4ms", true, "50.500 ms"),
      ("errors<3%", false, "3 %"), ("errors<=3%", true, "3 %"), ("errors<4", true, "3"),
      ("dropped<=20%", true, "20 %"), ("dropped<25", false, "25"), ("rate>=10", true, "10/s"),
      ("rate>10/s", false, "10/s"),
    ])
  func checks(text: String, holds: Bool, found: String) throws {
    let check = try #require(PressThreshold(argument: text)).check(Self.result)
    #expect(check.holds == holds, "\(text): \(check.found)")
    #expect(check.found.hasPrefix(found), "\(text): \(check.found)")
  }

  @Test(
    "what is no threshold is refused",
    arguments: [
      "", "p99", "p99<", "p99<20", "p101<1ms", "p0<1ms", "errors<1ms", "rate<1%", "p99=1ms",
      "speed<1", "<1", "p99<1ms2",
    ])
  func refused(text: String) {
    #expect(PressThreshold(argument: text) == nil)
  }

  @Test("the report says what holds, in words and in JSON")
  func report() throws {
    let checks = try ["p50<1ms", "errors<5%"].map {
      try #require(PressThreshold(argument: $0)).check(Self.result)
    }
    let text = Self.result.text(checks)
    #expect(text.contains("✗ p50<1ms ("))
    #expect(text.contains("✓ errors<5% (3 %)"))
    #expect(text.contains("  NOT_FOUND 3"))
    let json = Self.result.json(checks)
    #expect(json["statuses"]?["NOT_FOUND"] == 3)
    #expect(json["latencyMilliseconds"]?["max"] == .number("100.000"))
    #expect(json["thresholds"]?.array?.first?["holds"] == false)
  }
}

@Suite("JSON values one after the other")
struct JSONValuesTests {
  @Test(
    "are cut where they end",
    arguments: [
      ("", []), (" \n ", []), ("{}", ["{}"]), ("{}{}", ["{}", "{}"]),
      ("{\"a\": \"}{\\\"\"}\n[1, 2]", ["{\"a\": \"}{\\\"\"}", "[1, 2]"]),
      ("{\n  \"a\" : { }\n}\n{ }\n", ["{\n  \"a\" : { }\n}", "{ }"]),
      ("1 \"a b\" x", ["1", "\"a b\"", "x"]),
      ("{\"a\":", ["{\"a\":"]),
    ])
  func split(text: String, values: [String]) {
    let found = JSONValues.split(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    #expect(found == values)
  }
}
