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
    let registered = try #require(
      outcome.text.split(separator: "\n").first { $0.hasPrefix("status 201") }?
        .split(separator: " ").last.flatMap { Int($0) })
    #expect(try await system.all("classes").count == registered)
    #expect(try await system.all("inquiryMypages").count == registered)
    try await system.stop()
  }

  @Test("a port where nobody listens is named")
  func nobody() async throws {
    let port = try FreePorts.offset()
    let outcome = try await Self.bench(port: port)
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("error: no gateway answers at 127.0.0.1:\(port)"))
  }

  private static func bench(port: Int) async throws -> (status: Int32, text: String) {
    try await CommandLineTests.run(
      ["bench", "enroll", "--port", "\(port)", "--clients", "4", "--seconds", "1"])
  }
}
