import Foundation
import Supervisor

/// A process that writes rows as fast as it can (`storage-crash-writer`), and the lines it prints.
final class ChildWriter: Sendable {
  var processID: Int32 { self.child.pid }
  private let child: ChildProcess
  /// Ends when the process has ended; a last line that was cut off is left out.
  let lines: AsyncStream<String>

  /// - Parameter maxFileKiB: no file may grow beyond it: writing then fails as on a full disk.
  init(path: String, maxFileKiB: Int? = nil) throws {
    // An ignored signal and a limit are both inherited over `exec`; blocks are of 512 bytes.
    let limit = maxFileKiB.map { "trap '' XFSZ; ulimit -f \($0 * 2); " } ?? ""
    let child = try ChildProcess.spawn(
      "/bin/sh", ["-c", limit + #"exec "$0" "$1""#, ChildWriter.executable, path])
    self.child = child
    let output = FileHandle(fileDescriptor: child.output, closeOnDealloc: true)
    self.lines = AsyncStream { continuation in
      // A thread of its own: reading blocks.
      Thread.detachNewThread {
        ChildWriter.read(output) { continuation.yield($0) }
        child.closeInput()
        child.reap()
        continuation.finish()
      }
    }
  }

  func kill() {
    self.child.killNow()
  }

  /// Beside the test bundle, in the build folder.
  private static var executable: String {
    let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    return bundle.deletingLastPathComponent().appendingPathComponent("storage-crash-writer").path
  }

  private static func read(_ file: FileHandle, line: (String) -> Void) {
    var rest = Data()
    while case let data = file.availableData, !data.isEmpty {
      rest += data
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        line(String(decoding: rest[rest.startIndex..<end], as: UTF8.self))
        rest = Data(rest[rest.index(after: end)...])
      }
    }
  }
}
