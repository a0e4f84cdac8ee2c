import ArgumentParser
import Foundation
import FramedRPC

/// Ends a command with a message that says what to do.
struct CommandFailure: Error {
  let message: String
  let exitCode: Int32
  /// The call that failed.
  let rpc: RPCError?
  /// The message is for machines.
  let isJSON: Bool

  init(_ message: String, exitCode: Int32 = 1, rpc: RPCError? = nil, isJSON: Bool = false) {
    self.message = message
    self.exitCode = exitCode
    self.rpc = rpc
    self.isJSON = isJSON
  }

  private static let usageExitCode: Int32 = 2

  /// Reports whatever a command threw, and leaves: 0 for help and version, 2 for a command line
  /// that was not understood, 64 + its status for a call that failed, else 1.
  static func exit(with error: any Error) -> Never {
    if let failure = error as? CommandFailure {
      Console.note(failure.isJSON ? failure.message : "error: \(failure.message)")
      Foundation.exit(failure.exitCode)
    }
    let code = Sugang.exitCode(for: error)
    let text = Sugang.fullMessage(for: error)
    switch code {
    case .success:
      Console.print(text)
      Foundation.exit(0)
    case .validationFailure:
      Console.note(text.replacing("Error: ", with: "error: ", maxReplacements: 1))
      Foundation.exit(self.usageExitCode)
    default:
      if !(error is ExitCode) {
        Console.note("error: \(error)")
      }
      Foundation.exit(code.rawValue)
    }
  }
}
