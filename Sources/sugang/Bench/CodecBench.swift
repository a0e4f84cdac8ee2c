import Contracts
import FramedRPC
import NIOCore

/// How long messages take to become bytes and to be read again, by the generated codecs and by
/// libprotobuf-c, which they replace.
struct CodecBench {
  struct Result {
    let message: String
    let bytes: Int
    let operation: String
    /// Nanoseconds for one message.
    let generated: Double
    let reference: Double
  }

  /// How long one figure is measured; the best of many parts of it counts.
  let duration: Duration
  /// So many that other programs leave some of them alone.
  private let rounds = 500

  func run() throws -> [Result] {
    let request = PayV1.ApproveRequest(
      classID: 1_234_567, courseID: 42, fee: 10_000, student: "student-0001234",
      textBook: "text_book_1")
    let list = CourseV1.ListCoursesResponse(
      courses: (1...50).map {
        CourseV1.Course(
          id: $0, name: "Introduction to course \($0)", teacher: "Teacher \($0)", fee: 10_000,
          textBook: "text_book_\($0)")
      }, total: 50)
    let korean = CourseV1.ListCoursesResponse(
      courses: (1...50).map {
        CourseV1.Course(
          id: $0, name: "스위프트 입문 \($0)", teacher: "홍길동", fee: 10_000, textBook: "교재 \($0)")
      }, total: 50)
    return try self.measure("pay request", request) + self.measure("50 courses", list)
      + self.measure("50 courses in Korean", korean)
  }

  private func measure<Message: GeneratedMessage>(
    _ name: String, _ message: Message
  ) throws -> [Result] {
    let bytes = try message.encoded()
    var buffer = ByteBuffer()
    buffer.reserveCapacity(bytes.readableBytes)
    let decode = Result(
      message: name, bytes: bytes.readableBytes, operation: "decode",
      generated: try self.nanoseconds {
        consume(try Message(decoding: bytes, limits: .standard))
      },
      reference: try self.nanoseconds {
        consume(try Message(decodingByReference: bytes, limits: .standard))
      })
    let encode = Result(
      message: name, bytes: bytes.readableBytes, operation: "encode",
      generated: try self.nanoseconds {
        buffer.clear()
        try message.encode(into: &buffer)
      },
      reference: try self.nanoseconds {
        buffer.clear()
        try message.encodeByReference(into: &buffer)
      })
    return [encode, decode]
  }

  /// The time of one call of `body`, in the part of the time when the machine disturbed it least.
  private func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    var calls = 1
    // As many calls as fill one part; the search warms the caches, too.
    while try clock.measure({ try Self.repeated(calls, body) }) < self.duration / self.rounds {
      calls *= 2
    }
    var best = Duration.seconds(3600)
    for _ in 0..<self.rounds {
      best = min(best, try clock.measure { try Self.repeated(calls, body) })
    }
    return best / .nanoseconds(1) / Double(calls)
  }

  private static func repeated(_ calls: Int, _ body: () throws -> Void) rethrows {
    for _ in 0..<calls {
      try body()
    }
  }
}

/// A use that the compiler cannot see through.
@inline(never)
private func consume(_ value: some Sendable) {
  withExtendedLifetime(value) {}
}
