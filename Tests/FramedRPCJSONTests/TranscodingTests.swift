import Contracts
import FramedRPC
import FramedRPCJSON
import JSON
import NIOCore
import Testing

private let transcoder = MessageTranscoder(FramedrpcV1.Everything.self)

/// The generated code's bytes as JSON.
private func json(of message: FramedrpcV1.Everything) throws -> JSONValue {
  try transcoder.json(from: Array(message.encoded().readableBytesView))
}

/// JSON as the generated code reads it.
private func message(from json: String) throws -> FramedrpcV1.Everything {
  let bytes = try transcoder.bytes(from: JSONValue(parsing: json))
  return try FramedrpcV1.Everything(decoding: ByteBuffer(bytes: bytes), limits: .standard)
}

private let full = FramedrpcV1.Everything(
  flag: true, small: -7, large: .min, smallNatural: .max, largeNatural: .max, real: 0.1,
  text: "수강 \"신청\"\n", raw: [0, 1, 0xFE, 0xFF], color: .green,
  inner: FramedrpcV1.Inner(name: "a", innermost: FramedrpcV1.Innermost(value: 3)),
  numbers: [1, -1, 0, .max], texts: ["", "b"],
  inners: [FramedrpcV1.Inner(), FramedrpcV1.Inner(name: "c")], maybe: 0, maybeText: "",
  zigzag: .min, fixed: .max, single: 1.5)

@Suite("JSON and protobuf by descriptor")
struct TranscodingTests {
  @Test("every kind of field survives protobuf → JSON → protobuf")
  func roundTrip() throws {
    #expect(try message(from: json(of: full).text()) == full)
  }

  @Test("the JSON has lowerCamelCase names, numbers for 64 bits, base64 and enum names")
  func shapes() throws {
    let json = try json(of: full)
    #expect(json["smallNatural"] == .number("4294967295"))
    #expect(json["largeNatural"] == .number("18446744073709551615"))
    #expect(json["large"] == .number("-9223372036854775808"))
    #expect(json["zigzag"] == .number("-9223372036854775808"))
    #expect(json["raw"] == "AAH+/w==")
    #expect(json["color"] == "COLOR_GREEN")
    #expect(json["single"] == .number("1.5"))
    #expect(json["inner"]?["innermost"]?["value"] == 3)
  }

  @Test("an empty message prints its defaults, and leaves out what is absent")
  func defaults() throws {
    let json = try json(of: FramedrpcV1.Everything())
    #expect(json["flag"] == false)
    #expect(json["text"] == "")
    #expect(json["color"] == "COLOR_UNSPECIFIED")
    #expect(json["numbers"] == [])
    let names = try #require(json.object).members.map(\.name)
    #expect(!names.contains("inner"))
    #expect(!names.contains("maybe"))
  }

  @Test("a present oneof with a default value is not the same as an absent one")
  func presence() throws {
    #expect(try message(from: "{}").maybe == nil)
    #expect(try message(from: #"{"maybe": null}"#).maybe == nil)
    #expect(try message(from: #"{"maybe": 0}"#).maybe == 0)
    #expect(try json(of: FramedrpcV1.Everything(maybe: 0))["maybe"] == 0)
  }

  @Test("fields are read by both names, integers also as strings")
  func leniency() throws {
    #expect(try message(from: #"{"small_natural": "7"}"#).smallNatural == 7)
    #expect(try message(from: #"{"smallNatural": 7}"#).smallNatural == 7)
    #expect(try message(from: #"{"large": "-9223372036854775808"}"#).large == .min)
    #expect(try message(from: #"{"large": 1e3}"#).large == 1000)
    #expect(try message(from: #"{"color": 2}"#).color == .green)
    #expect(try message(from: #"{"raw": "-_8"}"#).raw == [0xFB, 0xFF])
  }

  @Test("numbers that JSON cannot say travel as strings")
  func notFinite() throws {
    for (real, text) in [(Double.infinity, "Infinity"), (-.infinity, "-Infinity"), (.nan, "NaN")] {
      let json = try json(of: FramedrpcV1.Everything(real: real))
      #expect(json["real"] == .string(text))
      #expect(try message(from: json.text()).real.bitPattern == real.bitPattern)
    }
  }

  @Test("an enum value that nobody named stays a number")
  func unknownEnumValue() throws {
    #expect(try message(from: #"{"color": 9}"#).color.rawValue == 9)
    let bytes = try transcoder.bytes(from: ["color": 9])
    #expect(try transcoder.json(from: bytes)["color"] == 9)
  }

  @Test("elements of a repeated number are read packed and one by one")
  func unpacked() throws {
    // Field 11, varint, twice; then packed.
    #expect(
      try transcoder.json(from: [0x58, 1, 0x58, 2, 0x5A, 2, 3, 4])["numbers"] == [1, 2, 3, 4])
  }

  @Test("of a repeated singular field the last wins, but a message may come only once")
  func twice() throws {
    let json = try transcoder.json(from: [0x10, 1, 0x10, 2, 0x52, 3, 0x0A, 1, 0x61])
    #expect(json["small"] == 2)
    #expect(json["inner"] == ["name": "a"])
    #expect(throws: TranscodingError.self) {
      try transcoder.json(from: [0x52, 3, 0x0A, 1, 0x61, 0x52, 4, 0x12, 2, 0x08, 5])
    }
  }

  @Test("a tag or a length of more than five bytes is refused, as by generated code")
  func longVarints() throws {
    // A tag of field 15, and an empty text in it; the length, then the tag, padded with zeros.
    let messages: [[UInt8]] = [
      [0x7A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], [0xFA, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00],
    ]
    let schema = MessageSchema(FramedrpcV1.Everything.self)
    for bytes in messages {
      #expect(throws: TranscodingError.self) {
        try MessageTranscoder(schema).json(from: bytes)
      }
      #expect(throws: (any Error).self) {
        try FramedrpcV1.Everything(decoding: ByteBuffer(bytes: bytes), limits: .standard)
      }
    }
  }

  @Test("canonical JSON quotes 64-bit integers and passes over members that it does not know")
  func canonical() throws {
    let canonical = MessageTranscoder(FramedrpcV1.Everything.self, mapping: .canonical)
    let json = try canonical.json(from: full.encodedBytes())
    #expect(json["large"] == "-9223372036854775808")
    #expect(json["largeNatural"] == "18446744073709551615")
    #expect(json["zigzag"] == "-9223372036854775808")
    #expect(json["fixed"] == "18446744073709551615")
    #expect(json["numbers"] == ["1", "-1", "0", "9223372036854775807"])
    #expect(json["inner"]?["innermost"]?["value"] == "3")
    #expect(json["small"] == -7)
    #expect(json["smallNatural"] == 4_294_967_295)
    #expect(try canonical.json(from: [])["large"] == "0")
    #expect(try canonical.json(from: [])["real"] == 0)
    #expect(try FramedrpcV1.Everything(decoding: canonical.bytes(from: json)) == full)
    #expect(
      try canonical.bytes(from: ["tomorrow": [1], "inner": ["tomorrow": .null]]) == [0x52, 0])
  }

  @Test("a field that the descriptor does not know is left out")
  func unknownField() throws {
    // Field 1000, varint 1.
    #expect(try transcoder.json(from: [0xC0, 0x3E, 1]) == json(of: FramedrpcV1.Everything()))
  }
}

@Suite("JSON and protobuf by what a server tells of its messages")
struct DescribedTranscodingTests {
  /// `Everything` and what it reaches, after a journey as reflection's answer.
  private static func described() throws -> SchemaSet {
    var types = DescribedTypes()
    types.add(FramedrpcV1.Everything.cDescriptor)
    let answer = FramedrpcV1.DescribeMessagesResponse(
      messages: types.sortedMessages, enums: types.sortedEnums)
    let received = try FramedrpcV1.DescribeMessagesResponse(
      decoding: answer.encoded(), limits: .standard)
    return try SchemaSet(DescribedTypes(messages: received.messages, enums: received.enums))
  }

  @Test("every kind of field is translated as by generated code")
  func sameAsGenerated() throws {
    let schema = try #require(Self.described().message(named: "framedrpc.v1.Everything"))
    let described = MessageTranscoder(schema)
    let bytes = Array(try full.encoded().readableBytesView)
    let json = try described.json(from: bytes)
    #expect(try json == transcoder.json(from: bytes))
    let back = try FramedrpcV1.Everything(
      decoding: ByteBuffer(bytes: described.bytes(from: json)), limits: .standard)
    #expect(back == full)
  }

  private static func tree() throws -> MessageTranscoder {
    let types = DescribedTypes(
      messages: [
        FramedrpcV1.MessageSchema(
          name: "a.Tree",
          fields: [
            FramedrpcV1.FieldSchema(name: "label", number: 1, type: "string"),
            FramedrpcV1.FieldSchema(name: "child", number: 2, type: "a.Tree"),
          ])
      ], enums: [])
    return MessageTranscoder(try #require(SchemaSet(types).message(named: "a.Tree")))
  }

  @Test("a message that contains itself has a template and survives both ways")
  func recursiveMessage() throws {
    let tree = try Self.tree()
    let json = try JSONValue(parsing: #"{"label": "a", "child": {"label": "b"}}"#)
    #expect(try tree.json(from: tree.bytes(from: json)) == json)
    #expect(MessageTranscoder.template(for: tree.schema)["child"]?["child"]?["label"] == "")
  }

  @Test("bytes nested deeper than the limit, or with too many elements, are refused")
  func bounds() throws {
    let tree = try Self.tree()
    var bytes: [UInt8] = []
    for _ in 0..<20 {
      bytes = [0x12, UInt8(bytes.count)] + bytes
    }
    #expect(throws: Never.self) {
      try tree.json(from: bytes, limits: DecodeLimits(maxDepth: 21))
    }
    #expect(throws: TranscodingError.self) {
      try tree.json(from: bytes, limits: DecodeLimits(maxDepth: 20))
    }
    #expect(throws: TranscodingError.self) {
      try tree.json(from: bytes, limits: DecodeLimits(maxElements: 19))
    }
  }

  @Test("a description with a hole is refused")
  func hole() {
    let types = DescribedTypes(
      messages: [
        FramedrpcV1.MessageSchema(
          name: "a.B", fields: [FramedrpcV1.FieldSchema(name: "c", number: 1, type: "a.Missing")])
      ], enums: [])
    #expect(throws: TranscodingError.self) { try SchemaSet(types) }
  }
}

@Suite("JSON that is not the message")
struct TranscodingErrorTests {
  @Test(
    "the error names the place and what was expected",
    arguments: [
      (#"[]"#, "framedrpc.v1.Everything is a JSON object, not an array"),
      (#"{"flag": 1}"#, "flag: expected true or false, not 1"),
      (
        #"{"small": 2147483648}"#,
        "small: expected an integer from -2147483648 to 2147483647, not 2147483648"
      ),
      (
        #"{"smallNatural": -1}"#, "smallNatural: expected an integer from 0 to 4294967295, not -1"
      ),
      (
        #"{"large": 1.5}"#,
        "large: expected an integer from -9223372036854775808 to 9223372036854775807, not 1.5"
      ),
      (#"{"text": 1}"#, "text: expected a string, not 1"),
      (#"{"raw": "a"}"#, "raw: expected a string of base64, not \"a\""),
      (#"{"single": 1e39}"#, "single: expected a number that fits a float, not 1e39"),
      (#"{"real": "much"}"#, "real: expected a number, not \"much\""),
      (
        #"{"color": "RED"}"#,
        "color: expected one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_GREEN, not \"RED\""
      ),
      (#"{"inner": 1}"#, "inner: expected an object (framedrpc.v1.Inner), not 1"),
      (#"{"numbers": 1}"#, "numbers: expected an array, not a number"),
      (
        #"{"inners": [{}, {"innermost": {"value": true}}]}"#,
        "inners[1].innermost.value: expected an integer from -9223372036854775808 to "
          + "9223372036854775807, not a boolean"
      ),
      (
        #"{"inner": {"nam": "a"}}"#,
        "inner: framedrpc.v1.Inner has no field 'nam'; its fields are name, innermost"
      ),
      (
        #"{"smallNatural": 1, "small_natural": 1}"#,
        "small_natural and smallNatural are two names of one field; give one"
      ),
    ])
  func refusals(json: String, message: String) throws {
    let value = try JSONValue(parsing: json)
    let error = try #require(throws: TranscodingError.self) { try transcoder.bytes(from: value) }
    #expect(error.description == message)
  }

  @Test(
    "bytes that are no such message are refused",
    arguments: [
      [0x08], [0x0A, 0x01, 0x00], [0x3A, 0x05, 0x61], [0x3A, 0x01, 0xFF], [0x3A, 0x01, 0x00],
      [0x5A, 0x01, 0x80], [0x09, 0, 0, 0, 0, 0, 0, 0, 0],
      // Also when a good value follows.
      [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1], [0x3A, 1, 0xFF, 0x3A, 0],
    ] as [[UInt8]])
  func badBytes(bytes: [UInt8]) {
    #expect(throws: TranscodingError.self) { try transcoder.json(from: bytes) }
  }
}

@Suite("A request to fill in")
struct TemplateTests {
  @Test("has every field, one element in each array, and is a valid request")
  func template() throws {
    let schema = MessageSchema(FramedrpcV1.ReflectRequest.self)
    let template = MessageTranscoder.template(for: schema)
    let everything = try #require(template["everything"]?.object)
    let fields = MessageSchema(FramedrpcV1.Everything.self).fields
    #expect(everything.members.map(\.name) == fields.map(\.jsonName))
    #expect(everything["inners"] == [["name": "", "innermost": ["value": 0]]])
    #expect(throws: Never.self) { try MessageTranscoder(schema).bytes(from: template) }
  }

  @Test("of messages that hold each other in many fields is small all the same")
  func manyFields() throws {
    let fields = (1...12).map {
      FramedrpcV1.FieldSchema(name: "f\($0)", number: $0, type: "a.Wide")
    }
    let types = DescribedTypes(
      messages: [FramedrpcV1.MessageSchema(name: "a.Wide", fields: fields)], enums: [])
    let schema = try #require(SchemaSet(types).message(named: "a.Wide"))
    let template = MessageTranscoder.template(for: schema)
    #expect(template["f1"]?["f1"]?["f1"]?["f1"] != nil)
    #expect(template.text().utf8.count < 20_000)
    #expect(throws: Never.self) { try MessageTranscoder(schema).bytes(from: template) }
  }

  @Test("exists for every method of every service, and can be sent as it stands")
  func allServices() throws {
    for method in AllServices.descriptors.flatMap(\.methods) {
      let schema = MessageSchema(method.request)
      let template = MessageTranscoder.template(for: schema)
      #expect(throws: Never.self) { try MessageTranscoder(schema).bytes(from: template) }
    }
  }
}
