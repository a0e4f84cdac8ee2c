import ArgumentParser
import Foundation

/// Ends a command with exit code 1 and a message that says what to do.
struct CommandFailure: Error {
  let message: String

  init(_ message: String) {
    self.message = message
  }

  private static let usageExitCode: Int32 = 2

  /// Reports whatever a command threw, and leaves: 0 for help and version, 2 for a command line
  /// that was not understood, else 1.
  static func exit(with error: any Error) -> Never {
    if let failure = error as? CommandFailure {
      Console.note("error: \(failure.message)")
      Foundation.exit(1)
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
