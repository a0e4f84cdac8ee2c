import Foundation
import Synchronization

/// A child process that several tasks may watch.
///
/// `@unchecked Sendable`: `Process` is used behind a lock after it was started.
package final class SendableProcess: @unchecked Sendable {
  package let processID: Int32
  private let process: Process
  private let lock = NSLock()

  /// Starts `executable`; its output goes where the tests' goes, unless `output` takes it.
  ///
  /// - Parameters:
  ///   - environment: Added to this process's own.
  ///   - input: What it reads; nothing when nil.
  ///   - outputFile: Takes the output when `output` does not.
  package init(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    input: Pipe? = nil, output: Pipe? = nil, outputFile: FileHandle? = nil
  ) throws {
    self.process = Process()
    self.process.executableURL = URL(fileURLWithPath: executable)
    self.process.arguments = arguments
    self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    self.process.standardInput = input ?? FileHandle.nullDevice
    let sink: Any? = output ?? outputFile
    self.process.standardOutput = sink ?? FileHandle.nullDevice
    if let sink { self.process.standardError = sink }
    try self.process.run()
    self.processID = self.process.processIdentifier
  }

  package var isRunning: Bool { self.lock.withLock { self.process.isRunning } }

  package var exitStatus: Int32 { self.lock.withLock { self.process.terminationStatus } }

  package func signal(_ signal: Int32) {
    if self.isRunning { _ = kill(self.processID, signal) }
  }
}
