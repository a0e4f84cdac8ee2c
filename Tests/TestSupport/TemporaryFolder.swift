import Foundation

/// A folder that is gone when the last one who knows it is.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "sugang-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    self.path = url.path
  }

  deinit {
    try? FileManager.default.removeItem(atPath: self.path)
  }
}
