import Foundation

/// Where a command's words go: data to stdout, messages to stderr, both without a buffer.
enum Console {
  static func print(_ text: String) {
    // A reader that has left wants no more; there is nobody to tell.
    try? FileHandle.standardOutput.write(contentsOf: Data("\(text)\n".utf8))
  }

  static func note(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data("\(text)\n".utf8))
  }

  static var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }
  static var messagesGoToTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// All of stdin.
  static func input() throws(CommandFailure) -> [UInt8] {
    do {
      return Array(try FileHandle.standardInput.readToEnd() ?? Data())
    } catch {
      throw CommandFailure("cannot read stdin: \(error)")
    }
  }
}
