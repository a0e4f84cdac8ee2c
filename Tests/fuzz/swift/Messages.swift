import Contracts
import FramedRPC
import NIOCore

private let types: [any GeneratedMessage.Type] = [
  FramedrpcV1.Everything.self, FramedrpcV1.Scalars.self, FramedrpcV1.StreamRequest.self,
  FramedrpcV1.EchoRequest.self, FramedrpcV1.DescribeServiceResponse.self,
  FramedrpcV1.ListConnectionsResponse.self, CourseV1.ListCoursesResponse.self,
  EnrollmentV1.ModifyEnrollmentRequest.self, EventsV1.FetchResponse.self,
  PayV1.ListPaymentsResponse.self,
]

/// A generated decoder takes what libprotobuf-c takes, as the same value, which both write alike.
func fuzzMessages(_ input: Input) {
  var input = input
  let type = types[input.choice() % types.count]
  let choice = input.choice()
  // Half of them under limits that bite.
  let limits =
    choice < 128
    ? DecodeLimits.standard
    : DecodeLimits(maxDepth: choice & 7, maxElements: choice & 127)
  compare(type, input.buffer, limits)
}

private func compare<Message: GeneratedMessage>(
  _ type: Message.Type, _ bytes: ByteBuffer, _ limits: DecodeLimits
) {
  let expected = outcome { () throws(CodecError) in
    try Message(decodingByReference: bytes, limits: limits)
  }
  // The structs have the budget that the limits state; the value that is made of them has its own.
  let budget = max(limits.memoryFloorBytes, limits.memoryFactor * bytes.readableBytes)
  boundedHeap(bytes: bytes.readableBytes, floor: budget) {
    _ = try? Message(decoding: bytes, limits: limits)
  }
  let actual = outcome { () throws(CodecError) in
    try Message(decoding: bytes, limits: limits)
  }
  switch (expected, actual) {
  case (.success(let expected), .success(let actual)):
    // Not-a-number equals nothing, but looks the same.
    require(
      expected == actual || "\(expected)" == "\(actual)", "\(actual) should be \(expected)")
    encodeAlike(actual)
  case (.failure(let expected), .failure(let actual)):
    // libprotobuf-c finds its faults after the scan has found its own, and has one word for them.
    require(expected == actual || actual == .malformed, "\(actual), should be \(expected)")
  default:
    fatalError("FINDING: \(Message.messageName): \(actual), should be \(expected)")
  }
}

private func encodeAlike<Message: GeneratedMessage>(_ message: Message) {
  do {
    var expected = ByteBuffer(string: "prefix")
    var actual = expected
    try message.encodeByReference(into: &expected)
    try message.encode(into: &actual)
    require(expected == actual, "\(message) is written in two ways")
    // Unknown fields and empty optionals are gone now: these bytes are stable.
    actual.moveReaderIndex(forwardBy: 6)
    let again = try Message(decoding: actual, limits: .standard)
    require(again == message || "\(again)" == "\(message)", "\(message) became \(again)")
  } catch {
    fatalError("FINDING: \(message) does not come back: \(error)")
  }
}

private func outcome<Message>(
  _ decode: () throws(CodecError) -> Message
) -> Result<Message, CodecError> {
  do throws(CodecError) {
    return .success(try decode())
  } catch {
    return .failure(error)
  }
}
