import Logging
import Testing

@testable import sugang

@Suite("A log line")
struct LogfmtHandlerTests {
  @Test("is one line of key=value, with the time, level and service first")
  func line() {
    var handler = LogfmtHandler(service: "pay", level: .info)
    handler[metadataKey: "request.id"] = "r-1"

    let line = handler.line(Self.event("storage open", ["path": "/data/pay.sqlite"]), time: "T")

    #expect(
      line
        == #"time=T level=info service=pay msg="storage open" path=/data/pay.sqlite request.id=r-1"#
    )
  }

  @Test(
    "quotes what would not stay one word, so that a caller cannot forge a line",
    arguments: [
      ("plain-word", "plain-word"), ("", #""""#), ("two words", #""two words""#),
      ("a=b", #""a=b""#), (#"say "hi""#, #""say \"hi\"""#), (#"back\slash"#, #""back\\slash""#),
      ("x\nlevel=error", #""x\nlevel=error""#), ("\u{1B}[2J", #""\u{1b}[2J""#), ("한국어", "한국어"),
    ])
  func quotes(text: String, quoted: String) {
    #expect(LogfmtHandler.quoted(text) == quoted)
  }

  @Test("metadata of the event wins over that of the logger")
  func metadata() {
    var handler = LogfmtHandler(service: "pay", level: .info)
    handler[metadataKey: "try"] = "1"

    #expect(handler.line(Self.event("m", ["try": "2"]), time: "T").hasSuffix(" try=2"))
  }

  private static func event(_ message: Logger.Message, _ metadata: Logger.Metadata) -> LogEvent {
    LogEvent(
      level: .info, message: message, metadata: metadata, source: "test", file: "", function: "",
      line: 1)
  }
}
