import Foundation
import Synchronization

/// A child process that several tasks may watch.
///
/// `@unchecked Sendable`: `Process` is used behind a lock after it was started.
final class SendableProcess: @unchecked Sendable {
  let processID: Int32
  private let process: Process
  private let lock = NSLock()

  /// Starts `executable`; its output goes where the tests' goes, unless `output` takes it.
  ///
  /// - Parameters:
  ///   - environment: Added to this process's own.
  ///   - input: What it reads; nothing when nil.
  init(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    input: Pipe? = nil, output: Pipe? = nil
  ) throws {
    self.process = Process()
    self.process.executableURL = URL(fileURLWithPath: executable)
    self.process.arguments = arguments
    self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    self.process.standardInput = input ?? FileHandle.nullDevice
    self.process.standardOutput = output ?? FileHandle.nullDevice
    if let output { self.process.standardError = output }
    try self.process.run()
    self.processID = self.process.processIdentifier
  }

  var isRunning: Bool { self.lock.withLock { self.process.isRunning } }

  var exitStatus: Int32 { self.lock.withLock { self.process.terminationStatus } }

  func signal(_ signal: Int32) {
    if self.isRunning { _ = kill(self.processID, signal) }
  }
}
