import Foundation
import Synchronization
import Testing

@testable import sugang

@Suite("Requests read one at a time")
struct RequestLinesTests {
  /// Gives pieces of text one after the other, and counts those that were asked for.
  private final class Pieces: Sendable {
    private let pieces: [String]
    private let taken = Mutex(0)

    init(_ pieces: [String]) {
      self.pieces = pieces
    }

    var count: Int { self.taken.withLock { $0 } }

    func next() -> [UInt8]? {
      self.taken.withLock { taken in
        taken += 1
        return taken <= self.pieces.count ? Array(self.pieces[taken - 1].utf8) : nil
      }
    }
  }

  private static func lines(_ pieces: Pieces, maxValueBytes: Int = 100) -> RequestLines {
    RequestLines(maxValueBytes: maxValueBytes) { pieces.next() }
  }

  @Test("no more is read than the value that was asked for needs")
  func lazy() async throws {
    let pieces = Pieces(["{\"a\":1}\n{\"a\":", "2}\n{\"a\"", ":3}"])
    var lines = Self.lines(pieces)
    #expect(pieces.count == 0)
    #expect(try await lines.next() == .init(bytes: Array("{\"a\":1}".utf8), line: 1))
    #expect(pieces.count == 1)
    #expect(try await lines.next() == .init(bytes: Array("{\"a\":2}".utf8), line: 2))
    #expect(pieces.count == 2)
    #expect(try await lines.next() == .init(bytes: Array("{\"a\":3}".utf8), line: 3))
    #expect(pieces.count == 3)
    #expect(try await lines.next() == nil)
    #expect(try await lines.next() == nil)
    #expect(pieces.count == 4)
  }

  @Test("a value has the line in which it begins", arguments: [1, 2, 3, 7, 1000])
  func numbers(size: Int) async throws {
    let text = "{\n\"a\": 1\n}\n\n\n  {}{}\nnull\n\"x\ny\" [\n]"
    let bytes = Array(text)
    let pieces = Pieces(
      stride(from: 0, to: bytes.count, by: size).map {
        String(bytes[$0..<min($0 + size, bytes.count)])
      })
    var lines = Self.lines(pieces)
    var found: [Int] = []
    while let value = try await lines.next() { found.append(value.line) }
    #expect(found == [1, 6, 6, 7, 8, 9])
  }

  @Test("a value that does not end is refused before it fills the memory")
  func tooLong() async throws {
    let pieces = Pieces(["{}\n\n{", String(repeating: "1", count: 60), "", "2222", "}"])
    var lines = Self.lines(pieces, maxValueBytes: 63)
    #expect(try await lines.next() != nil)
    let failure = await #expect(throws: CommandFailure.self) { try await lines.next() }
    #expect(failure?.message == "line 3: the request is over 63 bytes long")
    #expect(pieces.count == 4)
  }

  @Test("closing brackets without any that open are values of their own")
  func brackets() {
    let found = JSONValues.split(Array("}{\"a\":1}]".utf8)).map {
      String(decoding: $0, as: UTF8.self)
    }
    #expect(found == ["}", "{\"a\":1}", "]"])
  }

  @Test("a pipe gives what it has, without waiting for more")
  func pipe() async throws {
    let pipe = Pipe()
    var lines = RequestLines(pipe.fileHandleForReading, name: "a pipe")
    try pipe.fileHandleForWriting.write(contentsOf: Data("{\"a\":1}".utf8))
    #expect(try await lines.next()?.bytes == Array("{\"a\":1}".utf8))
    try pipe.fileHandleForWriting.write(contentsOf: Data("{\"a\":2}".utf8))
    #expect(try await lines.next()?.bytes == Array("{\"a\":2}".utf8))
    try pipe.fileHandleForWriting.close()
    #expect(try await lines.next() == nil)
  }

  @Test("what cannot be read is told by its name")
  func directory() async throws {
    let handle = try #require(FileHandle(forReadingAtPath: "/"))
    var lines = RequestLines(handle, name: "'/'")
    let failure = await #expect(throws: CommandFailure.self) { try await lines.next() }
    #expect(failure?.message.hasPrefix("cannot read the request from '/': ") == true)
  }
}
