import Foundation
import SystemHarness
import TestSupport
import Testing

@Suite("The seed's story on real processes", .serialized)
struct WalkthroughTests {
  @Test("W1–W28: every step of scripts/walkthrough passes, outages included")
  func walkthrough() async throws {
    let system = try await RunningSugang.start()
    let output = Pipe()
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("scripts/walkthrough")
    let walkthrough = try SendableProcess(
      script.path,
      [
        "--gateway", "http://127.0.0.1:\(8088 + system.portOffset)", "--data",
        system.data, "--sugang", RunningSugang.executable,
      ], output: output)
    // Less than a pipe holds, so that nobody has to read meanwhile.
    try await eventually("the walkthrough ends", within: .seconds(180)) { !walkthrough.isRunning }
    let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    #expect(walkthrough.exitStatus == 0, "\(text)")
    #expect(text.contains("✓ W28"))
    try await system.stop()
  }
}
