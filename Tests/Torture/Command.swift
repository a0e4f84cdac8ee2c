import Foundation
import SystemHarness

/// A command of the system that must succeed, run to its end.
enum Command {
  /// - Returns: what it wrote, to both outputs.
  /// - Throws: `SystemTestFailure` with that when it fails.
  @discardableResult
  static func run(
    _ executable: String, _ arguments: [String], within limit: Duration = .seconds(60),
    environment: [String: String] = [:]
  ) async throws -> String {
    // To a file: a pipe would have to be emptied meanwhile.
    let output = FileManager.default.temporaryDirectory.appending(
      path: "torture-\(UUID().uuidString)")
    guard FileManager.default.createFile(atPath: output.path, contents: nil) else {
      throw SystemTestFailure("cannot write \(output.path)")
    }
    defer { try? FileManager.default.removeItem(at: output) }
    let process = try SendableProcess(
      "/usr/bin/env", [executable] + arguments, environment: environment,
      outputFile: try FileHandle(forWritingTo: output))
    try await eventually("\(executable) \(arguments.joined(separator: " ")) ends", within: limit) {
      !process.isRunning
    }
    let text = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
    guard process.exitStatus == 0 else {
      throw SystemTestFailure("\(executable) \(arguments) failed: \(text)")
    }
    return text
  }

  static func isThere(_ executable: String) async -> Bool {
    (try? await self.run("which", [executable])) != nil
  }
}
