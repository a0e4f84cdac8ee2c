import FramedRPCJSON
import Testing

@testable import FramedRPCConnect

/// The fixtures were made with Python's zlib.
@Suite("gzip, reading only")
struct GzipTests {
  private static let fixed = bytes("H4sIAAAAAAAA/6tWKkmtKFGyUspIzcnJV6oFADyq3IkQAAAA")
  private static let text = #"{"text":"hello"}"#

  private static func bytes(_ base64: String) -> [UInt8] { Base64.decode(base64) ?? [] }

  private static func read(_ bytes: [UInt8], maxBytes: Int = 4096) throws -> String {
    String(decoding: try Gzip.decompress(bytes, maxBytes: maxBytes), as: UTF8.self)
  }

  @Test("the checksum is the one that everybody means by CRC-32")
  func checksum() {
    #expect(Gzip.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
  }

  @Test(
    "blocks with the fixed code, stored blocks, and a header with all there is",
    arguments: [
      "H4sIAAAAAAAA/6tWKkmtKFGyUspIzcnJV6oFADyq3IkQAAAA",
      "H4sIAAAAAAAA/wEQAO//eyJ0ZXh0IjoiaGVsbG8ifTyq3IkQAAAA",
      "H4sIHgAAAAAA/wMAYWJjbmFtZQBjb21tZW50AAAAq1YqSa0oUbJSykjNyclXqgUAPKrciRAAAAA=",
    ])
  func short(base64: String) throws {
    #expect(try Self.read(Self.bytes(base64)) == Self.text)
  }

  @Test("a block with a code of its own, and repeats that overlap themselves")
  func dynamic() throws {
    let compressed = Self.bytes(
      "H4sIAAAAAAAA/+3KuQ2AMAwAwFWQayho2YAxQhzlA/I4LqKI3WENJJcn3QCduJLZETZYYQZqjOZun0Jy94LJwDMN"
        + "WbJkyZL186WcvgKz8/2gXjujus6uMsXsy8mEulQbDyvtay967RRtHAcAAA==")
    var text = String(repeating: #"{"courseId":"1","student":"john-doe"} "#, count: 40)
    for index in 0..<300 {
      let letter = 97 + (index * index * 7 + index / 3) % 26
      text.unicodeScalars.append(Unicode.Scalar(UInt8(letter)))
    }
    #expect(try Self.read(compressed) == text)
  }

  @Test("nothing, and two members one after another")
  func members() throws {
    let nothing = Self.bytes("H4sIAAAAAAAA/wMAAAAAAAAAAAA=")
    #expect(try Self.read(nothing).isEmpty)
    #expect(try Self.read(nothing + Self.fixed + Self.fixed) == Self.text + Self.text)
  }

  @Test("no more comes out than is allowed, of all members together")
  func limit() throws {
    #expect(try Self.read(Self.fixed, maxBytes: 16) == Self.text)
    #expect(throws: GzipError.tooLarge) { try Self.read(Self.fixed, maxBytes: 15) }
    #expect(throws: GzipError.tooLarge) {
      try Self.read(Self.fixed + Self.fixed, maxBytes: 31)
    }
  }

  @Test("every beginning of a file is refused")
  func truncated() {
    for count in Self.fixed.indices {
      #expect(throws: GzipError.truncated) { try Self.read(Array(Self.fixed[..<count])) }
    }
  }

  @Test("a wrong byte is found, whichever it is")
  func corrupted() {
    for index in Self.fixed.indices {
      var bytes = Self.fixed
      bytes[index] ^= 0xFF
      // The time, the flags of the packer and the system stand for nothing.
      if (4..<10).contains(index) { continue }
      #expect(throws: GzipError.self, "byte \(index)") { try Self.read(bytes) }
    }
  }

  @Test("codes with too many lengths, or with unused ones, are refused")
  func codes() {
    #expect(throws: GzipError.malformed) { try HuffmanCode(lengths: [1, 1, 1]) }
    #expect(throws: GzipError.malformed) { try HuffmanCode(lengths: [1, 2]) }
    #expect(throws: Never.self) { try HuffmanCode(lengths: [1]) }
    #expect(throws: Never.self) { try HuffmanCode(lengths: [0, 0]) }
  }

  @Test("random bytes behind a header end in an error, never in a trap")
  func hostile() {
    for _ in 0..<2000 {
      let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
      let noise = (0..<Int.random(in: 0..<200)).map { _ in UInt8.random(in: 0...255) }
      #expect(throws: GzipError.self, "\(noise)") { try Self.read(header + noise) }
    }
  }
}
