import CFramedRPC
public import CProtobufC
public import NIOCore

/// A message that exists as a struct of protoc-c, too.
///
/// The generator writes the two translations between the Swift value and the C struct. The generator's
/// own messages are ``GeneratedMessage``s; any other is made and read by libprotobuf-c, after
/// `MessageScanner` has decided what untrusted bytes may do.
public protocol CBackedMessage: RPCMessage {
  /// The struct that `protoc-c` generated.
  associatedtype CStruct

  /// The address of the C descriptor.
  static var cDescriptor: UnsafePointer<ProtobufCMessageDescriptor> { get }

  /// Initialises `pointer` and copies the value into it; pointers inside it are owned by `arena`.
  func fill(
    _ pointer: UnsafeMutablePointer<CStruct>, arena: MessageArena
  ) throws(CodecError)

  /// Copies a struct whose strings have been checked: they are UTF-8.
  init(_ pointer: UnsafePointer<CStruct>)
}

extension CBackedMessage {
  public static var messageName: String { String(cString: Self.cDescriptor.pointee.name) }

  public func encode(into buffer: inout ByteBuffer) throws(CodecError) {
    try self.encodeByReference(into: &buffer)
  }

  public init(decoding bytes: ByteBuffer, limits: DecodeLimits) throws(CodecError) {
    try self.init(decodingByReference: bytes, limits: limits)
  }

  /// Appends the bytes that libprotobuf-c makes of the message: what `encode(into:)` of every
  /// message must equal.
  ///
  /// - Throws: ``CodecError`` when a string cannot travel (it contains a NUL).
  public func encodeByReference(into buffer: inout ByteBuffer) throws(CodecError) {
    // Our own value: its size is bounded by what the process could build, and by the frame limit
    // when it is sent.
    try MessageArena.withArena(budget: .max) { arena throws(CodecError) in
      let pointer = try arena.message(self)
      pointer.withMemoryRebound(to: CProtobufC.ProtobufCMessage.self, capacity: 1) { message in
        let size = protobuf_c_message_get_packed_size(message)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { bytes in
          guard let start = bytes.baseAddress else { return 0 }
          return protobuf_c_message_pack(message, start.assumingMemoryBound(to: UInt8.self))
        }
      }
    }
  }

  /// Reads a message as libprotobuf-c reads it, from bytes that `MessageScanner` lets pass: what
  /// `init(decoding:limits:)` of every message must equal.
  ///
  /// libprotobuf-c takes more memory for the same bytes than a generated codec.
  ///
  /// - Throws: ``CodecError`` when the bytes are malformed or exceed a limit.
  public init(decodingByReference bytes: ByteBuffer, limits: DecodeLimits) throws(CodecError) {
    let outcome: Result<Self, CodecError> = bytes.withUnsafeReadableBytes { raw in
      do throws(CodecError) {
        return .success(try Self(byReference: raw.bindMemory(to: UInt8.self), limits: limits))
      } catch {
        return .failure(error)
      }
    }
    self = try outcome.get()
  }

  private init(
    byReference bytes: UnsafeBufferPointer<UInt8>, limits: DecodeLimits
  ) throws(CodecError) {
    try MessageScanner.scan(bytes, as: Self.cDescriptor, limits: limits)
    let budget = limits.memoryBudget(bytes.count)
    self = try MessageArena.withArena(budget: budget) { arena throws(CodecError) -> Self in
      // protobuf-c accepts NULL only for no bytes at all.
      let unpacked = framed_rpc_reference_unpack(
        Self.cDescriptor, arena.arena, bytes.count, bytes.baseAddress)
      guard let unpacked else {
        throw arena.arena.pointee.exhausted != 0 ? .memoryBudgetExceeded : .malformed
      }
      return unpacked.withMemoryRebound(to: CStruct.self, capacity: 1) { Self($0) }
    }
  }
}

extension DecodeLimits {
  /// Most memory that the C structs of so many bytes may take.
  @inlinable
  func memoryBudget(_ bytes: Int) -> Int {
    max(self.memoryFloorBytes, bytes * self.memoryFactor)
  }
}
