import HTTPClientKit
import SystemHarness
import TestSupport
import Testing

@Suite("sugang bench enroll", .serialized)
struct BenchEnrollTests {
  @Test("every answer is counted, and all that follows comes, if later")
  func counts() async throws {
    let system = try await RunningSugang.start(
      flags: ["--background-followers", "--event-delay-seconds", "1"])
    let outcome = try await Self.bench(port: system.http.port)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("my page shows all after"), "\(outcome.text)")
    #expect(!outcome.text.contains("failed"), "\(outcome.text)")
    // 202 is one whose payment took longer: also a class.
    let accepted = outcome.text.split(separator: "\n").filter { $0.hasPrefix("status 20") }
      .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    let count = accepted.reduce(0, +)
    #expect(count > 0)
    #expect(try await system.all("classes").count == count)
    try await eventually("my page shows all") {
      try await system.all("inquiryMypages").count == count
    }
    try await system.stop()
  }

  @Test("a port where nobody listens is named")
  func nobody() async throws {
    let port = 8088 + (try FreePorts.offset())
    let outcome = try await Self.bench(port: port)
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("error: no gateway answers at 127.0.0.1:\(port)"))
  }

  private static func bench(port: Int) async throws -> (status: Int32, text: String) {
    try await CommandLineTests.run(
      ["bench", "enroll", "--port", "\(port)", "--clients", "4", "--seconds", "1"])
  }
}
