import Foundation
import Supervisor
import Testing

@Suite("The data folder")
struct DataFolderTests {
  private let parent = FileManager.default.temporaryDirectory
    .appending(path: "sugang-\(UUID().uuidString)").path()

  @Test("is made with its parents, and belongs to one supervisor at a time")
  func lock() throws {
    defer { try? FileManager.default.removeItem(atPath: self.parent) }
    let path = "\(self.parent)/a/b"
    let first = try DataFolder(path)
    #expect {
      try DataFolder(path)
    } throws: { error in
      "\(error)".contains("process \(ProcessInfo.processInfo.processIdentifier)")
    }
    withExtendedLifetime(first) {}
  }

  @Test("is free again when its supervisor is gone")
  func release() throws {
    defer { try? FileManager.default.removeItem(atPath: self.parent) }
    var folder: DataFolder? = try DataFolder(self.parent)
    withExtendedLifetime(folder) {}
    folder = nil
    #expect(throws: Never.self) { try DataFolder(self.parent) }
  }

  @Test("that cannot be made is an error which says what to do")
  func unusable() {
    #expect {
      try DataFolder("/dev/null/data")
    } throws: { error in
      "\(error)".contains("/dev/null/data") && "\(error)".contains("--data")
    }
  }

  @Test("with too long a path has no socket, and says so")
  func longPath() {
    let path = String(repeating: "x", count: 100)
    #expect(throws: DataFolder.Unusable.self) { try DataFolder.socketPath(in: path) }
  }
}
