public import NIOCore

/// A value that travels as protobuf bytes.
///
/// The generator makes the conforming types; see ``CBackedMessage`` for how they reach the wire.
public protocol RPCMessage: Hashable, Sendable {
  /// The protobuf name, such as `sugang.pay.v1.ApproveRequest`.
  static var messageName: String { get }

  /// Appends the protobuf bytes of the message.
  ///
  /// - Throws: ``CodecError`` when a string cannot travel (it contains a NUL).
  func encode(into buffer: inout ByteBuffer) throws(CodecError)

  /// Reads a message from all of `bytes`, which nobody has checked yet.
  ///
  /// - Throws: ``CodecError`` when the bytes are malformed or exceed a limit; nothing is ever cut
  ///   or guessed.
  init(decoding bytes: ByteBuffer, limits: DecodeLimits) throws(CodecError)
}

extension RPCMessage {
  /// The protobuf bytes of the message.
  @inlinable
  public func encoded() throws(CodecError) -> ByteBuffer {
    var buffer = ByteBuffer()
    try self.encode(into: &buffer)
    return buffer
  }

  /// The protobuf bytes of the message, behind those that `buffer` has already.
  @inlinable
  func encoded(in buffer: consuming ByteBuffer) throws(CodecError) -> ByteBuffer {
    var buffer = buffer
    try self.encode(into: &buffer)
    return buffer
  }

  /// The protobuf bytes of the message, for those who keep it.
  public func encodedBytes() throws(CodecError) -> [UInt8] {
    Array(try self.encoded().readableBytesView)
  }

  /// Reads a message that somebody kept.
  public init(decoding bytes: [UInt8], limits: DecodeLimits = .standard) throws(CodecError) {
    try self.init(decoding: ByteBuffer(bytes: bytes), limits: limits)
  }
}

/// What decoding may cost, whoever sent the bytes.
public struct DecodeLimits: Hashable, Sendable {
  /// Deepest nesting of messages (the limit of protobuf's C++ and Java runtimes).
  public var maxDepth: Int
  /// Most fields and repeated elements in one message tree, known and unknown together.
  public var maxElements: Int
  /// Most memory that the decoded C structs may take, as a multiple of the bytes received …
  public var memoryFactor: Int
  /// … but never less than this, so that long lists of small things have room: an element of two
  /// bytes becomes a struct of forty. The memory is given back before the handler runs.
  public var memoryFloorBytes: Int

  public init(
    maxDepth: Int = 100, maxElements: Int = 65_536, memoryFactor: Int = 16,
    memoryFloorBytes: Int = 1024 * 1024
  ) {
    self.maxDepth = maxDepth
    self.maxElements = maxElements
    self.memoryFactor = memoryFactor
    self.memoryFloorBytes = memoryFloorBytes
  }

  public static let standard = DecodeLimits()
}

/// Why bytes are not a message, or a message cannot become bytes.
public enum CodecError: Error, Hashable, Sendable {
  /// The bytes end inside a field.
  case truncated
  /// A tag, length or varint that protobuf does not allow.
  case malformed
  /// A string field is not UTF-8.
  case invalidUTF8(field: String)
  /// A string contains U+0000, which protobuf-c would cut without a word.
  case embeddedNUL(field: String)
  /// A message field that is not repeated comes twice; protobuf-c merges the two wrongly.
  case repeatedMessage(field: String)
  /// Messages are nested deeper than ``DecodeLimits/maxDepth``.
  case tooDeep
  /// More fields and elements than ``DecodeLimits/maxElements``.
  case tooManyElements
  /// The decoded message would take more memory than its budget.
  case memoryBudgetExceeded
}

extension CodecError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated: "the message ends inside a field"
    case .malformed: "the bytes are not a protobuf message"
    case .invalidUTF8(let field): "field \(field) is not UTF-8"
    case .embeddedNUL(let field): "field \(field) contains a NUL"
    case .repeatedMessage(let field): "field \(field) comes twice"
    case .tooDeep: "messages are nested too deep"
    case .tooManyElements: "the message has too many fields"
    case .memoryBudgetExceeded: "the message would take too much memory"
    }
  }
}
