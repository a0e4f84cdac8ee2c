import Kernel
import Testing

@Suite("Reading RFC 3339")
struct TimestampReadingTests {
  @Test("gives back every moment that was written, of the years 0 to 9999")
  func inverse() throws {
    let edges = ["0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"]
    let moments = try edges.map { try #require(Timestamp(rfc3339: $0)).microseconds }
    let range = moments[0]...moments[1]
    let samples = edges.indices.map { moments[$0] } + [-1, 0, 1, 951_782_400_000_000]
    let spread = (0..<2000).map { _ in Int64.random(in: range) }
    for microseconds in samples + spread {
      let moment = Timestamp(microseconds: microseconds)
      #expect(Timestamp(rfc3339: moment.rfc3339) == moment, "\(moment.rfc3339)")
    }
    #expect(edges == moments.map { Timestamp(microseconds: $0).rfc3339 })
  }

  @Test(
    "takes no fraction and up to nine digits, dropping what is below a microsecond",
    arguments: [
      ("", 0), (".5", 500_000), (".000006", 6), (".0000069", 6), (".123456789", 123_456),
      (".000000999", 0),
    ])
  func fractions(_ fraction: String, _ microseconds: Int64) {
    let start: Int64 = 1_772_409_600_000_000
    #expect(
      Timestamp(rfc3339: "2026-03-02T00:00:00\(fraction)Z")
        == Timestamp(microseconds: start + microseconds))
  }

  @Test("knows the leap days")
  func leapDays() {
    #expect(Timestamp(rfc3339: "2000-02-29T00:00:00Z") != nil)
    #expect(Timestamp(rfc3339: "2024-02-29T00:00:00Z") != nil)
    #expect(Timestamp(rfc3339: "1900-02-29T00:00:00Z") == nil)
    #expect(Timestamp(rfc3339: "2026-02-29T00:00:00Z") == nil)
  }

  @Test(
    "T19: refuses everything else",
    arguments: [
      "", "2026-03-02", "2026-03-02T00:00:00", "2026-03-02T00:00:00+09:00",
      "2026-03-02t00:00:00Z", "2026-03-02T00:00:00z", "2026-03-02 00:00:00Z",
      "2026-00-02T00:00:00Z", "2026-13-02T00:00:00Z", "2026-04-31T00:00:00Z",
      "2026-03-00T00:00:00Z", "2026-03-02T24:00:00Z", "2026-03-02T00:60:00Z",
      "2026-03-02T00:00:60Z", "2026-03-02T00:00:00.Z", "2026-03-02T00:00:00.1234567890Z",
      "2026-03-02T00:00:00,5Z", "2026-03-02T00:00:00.-5Z", "+026-03-02T00:00:00Z",
      "2026-03-02T00:00:+1Z", "12026-03-02T00:00:00Z", " 2026-03-02T00:00:00Z",
      "2026-03-02T00:00:00ZZ", "20261225000000",
    ])
  func refuses(_ text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }
}
