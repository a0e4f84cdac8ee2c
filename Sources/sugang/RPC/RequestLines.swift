import Foundation
import NIOPosix

/// The JSON values of `-d`, one at a time: what nobody has asked for has not been read, so that a
/// stream that must wait for its server makes whoever writes to stdin wait as well.
struct RequestLines: Sendable {
  /// The next bytes, as many as there are; nil after the last. Waits until there are some.
  typealias Read = @Sendable () async throws -> [UInt8]?

  /// Bytes that are read at once, at most.
  static let chunkBytes = 64 << 10
  /// The longest value: 16 times the message that a server takes by default.
  static let maxValueBytes = 64 << 20

  private let read: Read
  private let maxValueBytes: Int
  private var chunk: ArraySlice<UInt8> = []
  private var values = JSONValues()
  private var isOver = false

  init(maxValueBytes: Int = Self.maxValueBytes, read: @escaping Read) {
    self.maxValueBytes = maxValueBytes
    self.read = read
  }

  init(text: String) {
    self.init { nil }
    self.chunk = Array(text.utf8)[...]
  }

  /// Owns the descriptor of `file`: it is closed when nobody holds this any more.
  ///
  /// - Parameter name: for messages.
  init(_ file: FileHandle, name: String) {
    self.init { try await Self.readChunk(file, name) }
  }

  /// The next value; nil after the last.
  ///
  /// - Throws: ``CommandFailure`` when nothing can be read or a value is too long,
  ///   `CancellationError`.
  mutating func next() async throws -> JSONValues.Value? {
    while true {
      while let byte = self.chunk.popFirst() {
        if let value = self.values.feed(byte) { return value }
        guard self.values.pendingBytes <= self.maxValueBytes else {
          throw CommandFailure(
            "line \(self.values.pendingLine): the request is over \(self.maxValueBytes) bytes long")
        }
      }
      guard !self.isOver else { return nil }
      if let next = try await self.read() {
        self.chunk = next[...]
      } else {
        self.isOver = true
        return self.values.finish()
      }
    }
  }

  /// Reading blocks, so that a thread of the pool does it: pipes, terminals and files alike.
  private static func readChunk(_ file: FileHandle, _ name: String) async throws -> [UInt8]? {
    try await NIOThreadPool.singleton.runIfActive {
      while true {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.chunkBytes) { buffer, count in
          let result = unsafe Foundation.read(
            file.fileDescriptor, buffer.baseAddress, Self.chunkBytes)
          failure = result < 0 ? errno : 0
          count = max(result, 0)
        }
        guard failure != EINTR else { continue }
        guard failure == 0 else {
          throw CommandFailure(
            "cannot read the request from \(name): "
              + POSIXError(POSIXErrorCode(rawValue: failure) ?? .EIO).localizedDescription)
        }
        return bytes.isEmpty ? nil : bytes
      }
    }
  }
}
