import ArgumentParser
import Foundation
import FramedRPC

/// METHOD, as `rpc template`, `call` and `press` take it.
struct MethodArgument: ParsableArguments {
  @Argument(
    help: "The method: PayService/Approve, its whole name, or Approve.",
    completion: .custom(Completion.methods))
  var method: String
}

/// What a call sends, as `rpc call` and `press` take it.
struct RequestArguments: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The request: JSON, @FILE, or @- for stdin (an empty request by default).",
      valueName: "json"))
  var data = "{}"

  @Option(
    name: [.customShort("H"), .long, .customLong("header")],
    help: ArgumentHelp("Metadata to send; may be repeated.", valueName: "key:value"))
  var metadata: [String] = []

  /// The command line itself is the request.
  var isLiteral: Bool { !self.data.hasPrefix("@") }

  /// The values of `-d`, read as they are asked for.
  func lines() throws(CommandFailure) -> RequestLines {
    guard !self.isLiteral else { return RequestLines(text: self.data) }
    let path = String(self.data.dropFirst())
    if path == "-" {
      self.tellTerminal()
      return RequestLines(FileHandle.standardInput, name: "stdin")
    }
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw CommandFailure("cannot read the request from '\(path)'")
    }
    return RequestLines(file, name: "'\(path)'")
  }

  private func tellTerminal() {
    guard Console.inputIsTerminal else { return }
    Console.note("reading the request from this terminal; end it with Ctrl-D")
  }

  /// All of `-d`.
  func dataBytes() throws(CommandFailure) -> [UInt8] {
    guard !self.isLiteral else { return Array(self.data.utf8) }
    let path = String(self.data.dropFirst())
    if path == "-" {
      self.tellTerminal()
      return try Console.input()
    }
    do {
      return Array(try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw CommandFailure("cannot read the request from '\(path)': \(error.localizedDescription)")
    }
  }

  func parsedMetadata() throws(CommandFailure) -> RPCMetadata {
    var metadata = RPCMetadata()
    for pair in self.metadata {
      guard let colon = pair.firstIndex(of: ":") else {
        throw CommandFailure("'-H \(pair)' has no colon; write -H key:value")
      }
      let value = pair[pair.index(after: colon)...].drop { $0 == " " }
      do throws(RPCError) {
        try metadata.append(pair[..<colon].lowercased(), String(value))
      } catch {
        throw CommandFailure("'-H \(pair)': \(error.message)")
      }
    }
    return metadata
  }
}
