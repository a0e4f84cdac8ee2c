import Contracts
import FramedRPC
import FramedRPCJSON
import JSON
import NIOCore

private let schema: MessageSchema = {
  // As a client gets it: through the bytes of a reflection answer.
  var types = DescribedTypes()
  types.add(FramedrpcV1.Everything.cDescriptor)
  let answer = FramedrpcV1.DescribeMessagesResponse(
    messages: types.sortedMessages, enums: types.sortedEnums)
  do {
    let read = try FramedrpcV1.DescribeMessagesResponse(decoding: answer.encodedBytes())
    let set = try SchemaSet(DescribedTypes(messages: read.messages, enums: read.enums))
    if let schema = set.message(named: FramedrpcV1.Everything.messageName) { return schema }
  } catch {}
  fatalError("a reflection answer cannot be read")
}()

/// JSON that becomes a message is the JSON of that message; bytes that are a message have JSON, and
/// those of it are the message.
func fuzzJSON(_ input: Input) {
  var input = input
  let choice = input.choice()
  let transcoder = MessageTranscoder(schema, mapping: choice & 1 == 0 ? .plain : .canonical)
  if choice & 2 == 0 {
    let limits = JSONLimits(maxBytes: 4096)
    // JSON is no frame: an element of two bytes is a value of forty.
    boundedHeap(bytes: input.rest.count, floor: 1024 * 1024) {
      _ = try? JSONValue(parsing: input.array, limits: limits)
    }
    guard let json = try? JSONValue(parsing: input.array, limits: limits) else { return }
    guard let again = try? JSONValue(parsing: json.text()) else {
      fatalError("FINDING: what the JSON writer wrote is no JSON: \(json.text())")
    }
    require(again == json, "\(json) became \(again)")
    guard let bytes = try? transcoder.bytes(from: json) else { return }
    checkBytes(bytes, transcoder)
  } else {
    let isMessage = (try? FramedrpcV1.Everything(decoding: input.buffer, limits: .standard)) != nil
    let hasJSON = (try? transcoder.json(from: input.array)) != nil
    require(isMessage == hasJSON, isMessage ? "a message has no JSON" : "JSON of what is none")
    if hasJSON { checkBytes(input.array, transcoder) }
  }
}

private func checkBytes(_ bytes: [UInt8], _ transcoder: MessageTranscoder) {
  do {
    let message = numbers(try FramedrpcV1.Everything(decoding: bytes))
    let json = try transcoder.json(from: bytes)
    let again = try transcoder.bytes(from: json)
    require(try transcoder.json(from: again) == json, "\(json.text()) is no fixed point")
    let read = numbers(try FramedrpcV1.Everything(decoding: again))
    require(read == message, "\(message) became \(read)")
  } catch {
    fatalError("FINDING: a message does not survive JSON: \(error)")
  }
}

/// Of not-a-number, which equals nothing, JSON says only that it is none.
private func numbers(_ message: FramedrpcV1.Everything) -> FramedrpcV1.Everything {
  var message = message
  if message.real.isNaN { message.real = 4711 }
  if message.single.isNaN { message.single = 4711 }
  return message
}

/// Whatever a server tells of its messages: there is an error, or one can work with it.
func fuzzReflection(_ input: Input) {
  guard
    let answer = try? FramedrpcV1.DescribeMessagesResponse(
      decoding: input.buffer, limits: .standard),
    let types = try? SchemaSet(DescribedTypes(messages: answer.messages, enums: answer.enums))
  else { return }
  for name in types.typeNames {
    guard let schema = types.message(named: name) else { continue }
    let transcoder = MessageTranscoder(schema)
    let template = MessageTranscoder.template(for: schema)
    if let bytes = try? transcoder.bytes(from: template) {
      _ = try? transcoder.json(from: bytes)
    }
    _ = try? transcoder.json(from: input.array)
  }
}
