import Contracts
import FramedRPC
import NIOCore
import Testing

/// The generated codecs against libprotobuf-c: what both take means the same to both, and neither
/// takes what the other refuses.
@Suite("Generated codecs and libprotobuf-c")
struct DifferentialTests {
  private static let testing: [any GeneratedMessage.Type] = [
    FramedrpcV1.Everything.self, FramedrpcV1.Scalars.self, FramedrpcV1.Inner.self,
    FramedrpcV1.Innermost.self, FramedrpcV1.EchoRequest.self, FramedrpcV1.EchoResponse.self,
    FramedrpcV1.ReflectRequest.self, FramedrpcV1.ReflectResponse.self,
  ]

  /// Every request and response of every service.
  private static let contracts: [any GeneratedMessage.Type] = AllServices.descriptors.flatMap {
    $0.methods.flatMap { [$0.request, $0.response] }
  }.compactMap { $0 as? any GeneratedMessage.Type }

  @Test("the same bytes, the same answer: messages of tests", arguments: Self.testing.indices)
  func testingMessages(_ index: Int) {
    Comparison(seed: UInt64(index)).run(Self.testing[index], cases: 2_000)
  }

  @Test("the same bytes, the same answer: messages of services")
  func contractMessages() {
    #expect(Self.contracts.count > 60)
    for (index, message) in Self.contracts.enumerated() {
      Comparison(seed: 1_000 + UInt64(index)).run(message, cases: 100)
    }
  }

  @Test("the random bytes are worth it: many are messages, many are not, of each reason some")
  func coverage() {
    var wire = RandomWire(seed: 3)
    var outcomes: [String: Int] = [:]
    for _ in 0..<4_000 {
      let bytes = ByteBuffer(bytes: wire.bytes(for: FramedrpcV1.Everything.cDescriptor))
      do {
        _ = try FramedrpcV1.Everything(decoding: bytes, limits: .standard)
        outcomes["message", default: 0] += 1
      } catch {
        outcomes["\(error)".split(separator: " ").last.map(String.init) ?? "", default: 0] += 1
      }
    }
    #expect(outcomes["message", default: 0] > 800)
    for reason in ["field", "message", "UTF-8", "NUL", "twice"] {
      #expect(outcomes[reason, default: 0] > 20, "\(reason)")
    }
  }
}

/// Many cases of one message, the same in each run.
private struct Comparison {
  private var wire: RandomWire

  init(seed: UInt64) {
    self.wire = RandomWire(seed: seed)
  }

  func run(_ type: any GeneratedMessage.Type, cases: Int) {
    var copy = self
    for number in 0..<cases {
      let bytes = copy.wire.bytes(for: type.cDescriptor)
      // One in four under limits that bite.
      let limits =
        number.isMultiple(of: 4)
        ? DecodeLimits(
          maxDepth: copy.wire.number(0...4), maxElements: copy.wire.number(0...20)) : .standard
      guard Self.agree(type, bytes, limits) else {
        let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        Issue.record("\(type.messageName) under \(limits): \(hex)")
        return
      }
      Self.checkBudgets(type, bytes, floor: copy.wire.number(0...400))
    }
  }

  private static func agree<Message: GeneratedMessage>(
    _ type: Message.Type, _ bytes: [UInt8], _ limits: DecodeLimits
  ) -> Bool {
    let buffer = ByteBuffer(bytes: bytes)
    let expected = Self.outcome { () throws(CodecError) in
      try Message(decodingByReference: buffer, limits: limits)
    }
    let actual = Self.outcome { () throws(CodecError) in
      try Message(decoding: buffer, limits: limits)
    }
    switch (expected, actual) {
    case (.success(let expected), .success(let actual)):
      // Not-a-number equals nothing, but looks the same.
      return (expected == actual || "\(expected)" == "\(actual)") && Self.encodesAlike(actual)
    case (.failure(let expected), .failure(let actual)):
      // libprotobuf-c finds its faults after the scan has found its own, and has one word for them.
      return expected == actual || actual == .malformed
    default:
      return false
    }
  }

  private static func encodesAlike(_ message: some GeneratedMessage) -> Bool {
    // Not at the begin of the buffer, and not at the begin of its memory.
    var expected = ByteBuffer(string: "prefix")
    var actual = expected
    do {
      try message.encodeByReference(into: &expected)
      try message.encode(into: &actual)
    } catch {
      return false
    }
    return expected == actual
  }

  /// With little memory there is the same message or the error that says so.
  private static func checkBudgets<Message: GeneratedMessage>(
    _ type: Message.Type, _ bytes: [UInt8], floor: Int
  ) {
    let buffer = ByteBuffer(bytes: bytes)
    let plenty = Self.outcome { () throws(CodecError) in
      try Message(decoding: buffer, limits: .standard)
    }
    let little = Self.outcome { () throws(CodecError) in
      try Message(
        decoding: buffer, limits: DecodeLimits(memoryFactor: 0, memoryFloorBytes: floor))
    }
    if case .failure(.memoryBudgetExceeded) = little { return }
    #expect("\(plenty)" == "\(little)", "\(Message.messageName) with \(floor) bytes")
  }

  private static func outcome<Message>(
    _ decode: () throws(CodecError) -> Message
  ) -> Result<Message, CodecError> {
    do throws(CodecError) {
      return .success(try decode())
    } catch {
      return .failure(error)
    }
  }
}
