import FramedRPC
import NIOCore
import Testing

@Suite("Cutting bytes into frames")
struct FrameParserTests {
  private static let frames = GoldenVectorTests.vectors.map(\.frame)
  private static let stream = Self.frames.reduce(into: ByteBuffer()) {
    $0.writeImmutableBuffer($1.bytes)
  }

  private static func parse(_ pieces: [ByteBuffer]) throws -> [Frame] {
    var parser = FrameParser(maxFrameBytes: FrameHeader.minLimit)
    var frames: [Frame] = []
    for piece in pieces {
      parser.append(piece)
      while let frame = try parser.next() {
        frames.append(frame)
      }
    }
    #expect(!parser.hasPartialFrame)
    return frames
  }

  private static func violation(of frame: Frame, maxFrameBytes: Int = 0) -> ProtocolViolation? {
    var parser = FrameParser(maxFrameBytes: maxFrameBytes)
    parser.append(frame.bytes)
    return #expect(throws: ProtocolViolation.self) { try parser.next() }
  }

  @Test("a stream of frames may be split at any byte")
  func everySplit() throws {
    for index in 0...Self.stream.readableBytes {
      var rest = Self.stream
      let first = rest.readSlice(length: index) ?? ByteBuffer()
      #expect(try Self.parse([first, rest]) == Self.frames, "split at \(index)")
    }
  }

  @Test("a stream of frames may come byte by byte")
  func byteByByte() throws {
    let bytes = Self.stream.readableBytesView.map { ByteBuffer(bytes: [$0]) }
    #expect(try Self.parse(bytes) == Self.frames)
  }

  @Test("every pair of split points gives the same frames")
  func everyPairOfSplits() throws {
    let stream = Self.frames.prefix(3).reduce(into: ByteBuffer()) {
      $0.writeImmutableBuffer($1.bytes)
    }
    let count = stream.readableBytes
    for first in 0...count {
      for second in first...count {
        let pieces = [0..<first, first..<second, second..<count].compactMap {
          stream.getSlice(at: $0.lowerBound, length: $0.count)
        }
        #expect(try Self.parse(pieces) == Array(Self.frames.prefix(3)))
      }
    }
  }

  @Test("a body of the largest size passes, one byte more is refused by the header alone")
  func sizeLimit() throws {
    let limit = FrameHeader.minLimit
    let largest = Frame(.ping, body: ByteBuffer(repeating: 7, count: limit))
    #expect(try Self.parse([largest.bytes]) == [largest])

    var header = ByteBuffer()
    FrameHeader(length: limit + 1, type: .ping).write(into: &header)
    var parser = FrameParser(maxFrameBytes: limit)
    parser.append(header)
    let violation = #expect(throws: ProtocolViolation.self) { try parser.next() }
    #expect(violation?.reason == .frameTooLarge)
  }

  @Test("a limit is kept between 64 KiB and 16 MiB", arguments: [Int.min, 0, 65_535, Int.max])
  func limitsOfLimits(_ wish: Int) {
    #expect((65_536...0xFF_FFFF).contains(FrameHeader.limit(wish)))
  }

  @Test("a header whose byte 3 is not 0 is no FramedRPC")
  func garbage() throws {
    var parser = FrameParser(maxFrameBytes: .max)
    parser.append(ByteBuffer(string: "GET / HTTP/1.1\r\n"))
    let violation = #expect(throws: ProtocolViolation.self) { try parser.next() }
    #expect(violation?.reason == .notFramedRPC)
  }

  @Test("the answer of an HTTP server is known as one")
  func http() throws {
    var parser = FrameParser(maxFrameBytes: .max)
    parser.append(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n"))
    let violation = #expect(throws: ProtocolViolation.self) { try parser.next() }
    #expect(violation == .http)
  }

  @Test(
    "a flag that was not negotiated is refused",
    arguments: [0x04, 0x10, 0x20, 0x40, 0x80] as [UInt8])
  func reservedFlags(_ flag: UInt8) {
    let frame = Frame(.request, flags: [.message, .end, FrameFlags(rawValue: flag)])
    #expect(Self.violation(of: frame)?.reason == .reservedFlag)
  }

  @Test("a frame that may be ignored may have any flags")
  func ignorableFlags() throws {
    let frame = Frame(FrameType(rawValue: 0xC0), flags: FrameFlags(rawValue: 0xFF))
    #expect(try Self.parse([frame.bytes]) == [frame])
  }

  @Test("every bit of a header may be flipped: a frame or a violation, never a crash")
  func flippedBits() throws {
    for vector in GoldenVectorTests.vectors {
      for bit in 0..<FrameHeader.byteCount * 8 {
        var bytes = vector.frame.bytes.array
        bytes[bit / 8] ^= 1 << (bit % 8)
        var parser = FrameParser(maxFrameBytes: 0)
        parser.append(ByteBuffer(bytes: bytes))
        do {
          while let frame = try parser.next() {
            #expect(frame.header.length == UInt32(frame.body.readableBytes))
          }
        } catch {
          #expect(error.reason != .shutdown)
        }
      }
    }
  }

  @Test("a stream id keeps its slot and its generation, which wraps after 4,096")
  func streamIDs() {
    let stream = StreamID(slot: StreamID.maxSlots - 1, generation: 4095)
    #expect(stream.slot == StreamID.maxSlots - 1)
    #expect(stream.generation == 4095)
    #expect(StreamID(slot: 5, generation: 4096) == StreamID(slot: 5, generation: 0))
  }
}
