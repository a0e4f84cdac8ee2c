import Foundation
import Supervisor
import Synchronization

/// A child process that several tasks may watch.
package final class SendableProcess: Sendable {
  package let processID: Int32
  private let exit = Mutex<ChildProcess.Exit?>(nil)

  /// Starts `executable`; its output goes nowhere, unless `output` or a file takes it.
  ///
  /// - Parameters:
  ///   - environment: Added to this process's own.
  ///   - input: What it reads; nothing when nil. Its reading end is the child's from now on.
  ///   - output: Its writing end is the child's from now on.
  ///   - outputFile: Takes the output when `output` does not.
  package init(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:],
    input: Pipe? = nil, output: Pipe? = nil, outputFile: FileHandle? = nil
  ) throws {
    let nothing = FileHandle.nullDevice
    let sink = output?.fileHandleForWriting ?? outputFile
    self.processID = try ProcessSpawn(executable, arguments, environment: environment).start(
      input: (input?.fileHandleForReading ?? nothing).fileDescriptor,
      output: (sink ?? nothing).fileDescriptor,
      errors: (sink ?? FileHandle.standardError).fileDescriptor)
    // Whoever reads waits for the last one that holds the other end.
    try input?.fileHandleForReading.close()
    try output?.fileHandleForWriting.close()
  }

  package var isRunning: Bool { self.ending == nil }

  /// The exit code, or the signal that ended it; 0 while it runs.
  package var exitStatus: Int32 {
    switch self.ending {
    case .code(let code): code
    case .signal(let number): number
    case nil: 0
    }
  }

  package func signal(_ signal: Int32) {
    // Under the lock: once the process is taken off the list its id may be another's.
    self.exit.withLock { exit in
      guard Self.look(self.processID, &exit) == nil else { return }
      _ = kill(self.processID, signal)
    }
  }

  private var ending: ChildProcess.Exit? {
    self.exit.withLock { Self.look(self.processID, &$0) }
  }

  private static func look(
    _ processID: Int32, _ exit: inout ChildProcess.Exit?
  ) -> ChildProcess.Exit? {
    if exit == nil { exit = ChildProcess.Exit.take(of: processID, waiting: false) }
    return exit
  }
}
