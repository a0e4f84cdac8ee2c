import Foundation
import Synchronization

/// Where a mark lies: a file beside the database, or what a simulation has in its place.
protocol MarkMedium: Sendable {
  /// What it says now.
  func read() -> HighWaterMark.Reading
  /// Before the first ``write(_:)``.
  func open() throws(StorageError)
  /// In the place of what is there; not forced to disk.
  func write(_ link: ChainLink) throws(StorageError)
  /// Forces it to disk, at an orderly end.
  func close()
}

/// A mark in a file.
final class MarkFile: MarkMedium {
  let path: String
  private let file = Mutex<Int32?>(nil)

  init(path: String) {
    self.path = path
  }

  deinit {
    self.file.withLock { if let file = $0 { _ = Foundation.close(file) } }
  }

  func read() -> HighWaterMark.Reading { HighWaterMark.read(self.path) }

  func open() throws(StorageError) {
    let file = Foundation.open(self.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      throw .cannotOpen(path: self.path, reason: String(cString: strerror(errno)))
    }
    self.file.withLock { $0 = file }
  }

  func write(_ link: ChainLink) throws(StorageError) {
    let line = HighWaterMark.line(link)
    let isWritten = self.file.withLock { file in
      file.map { pwrite($0, line, line.count, 0) == line.count } ?? false
    }
    guard isWritten else {
      throw .cannotOpen(path: "mark", reason: String(cString: strerror(errno)))
    }
  }

  func close() {
    self.file.withLock { file in
      guard let open = file else { return }
      _ = fsync(open)
      _ = Foundation.close(open)
      file = nil
    }
  }
}

/// A mark in memory, beside a database that is there too.
final class MarkMemory: MarkMedium {
  private let reading = Mutex(HighWaterMark.Reading.none)

  func read() -> HighWaterMark.Reading { self.reading.withLock { $0 } }

  func set(_ reading: HighWaterMark.Reading) { self.reading.withLock { $0 = reading } }

  func open() {}

  func write(_ link: ChainLink) { self.set(.link(link)) }

  func close() {}
}
