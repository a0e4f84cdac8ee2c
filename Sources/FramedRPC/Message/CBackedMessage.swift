public import CProtobufC
public import NIOCore

/// A message whose bytes are made and read by protobuf-c.
///
/// The generator writes the two translations between the Swift value and the C struct; what
/// untrusted bytes may do is decided here, once, before and while libprotobuf-c sees them.
public protocol CBackedMessage: RPCMessage {
  /// The struct that `protoc-c` generated.
  associatedtype CStruct

  /// The address of the C descriptor.
  static var cDescriptor: UnsafePointer<ProtobufCMessageDescriptor> { get }

  /// Initialises `pointer` and copies the value into it; pointers inside it are owned by `arena`.
  func fill(
    _ pointer: UnsafeMutablePointer<CStruct>, arena: MessageArena
  ) throws(CodecError)

  /// Copies a struct whose strings `MessageScanner` has checked.
  init(_ pointer: UnsafePointer<CStruct>)
}

extension CBackedMessage {
  public static var messageName: String { String(cString: Self.cDescriptor.pointee.name) }

  @inlinable
  public func encode(into buffer: inout ByteBuffer) throws(CodecError) {
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

  @inlinable
  public init(decoding bytes: ByteBuffer, limits: DecodeLimits) throws(CodecError) {
    let outcome: Result<Self, CodecError> = bytes.withUnsafeReadableBytes { raw in
      do throws(CodecError) {
        return .success(try Self(untrusted: raw, limits: limits))
      } catch {
        return .failure(error)
      }
    }
    self = try outcome.get()
  }

  @inlinable
  init(untrusted raw: UnsafeRawBufferPointer, limits: DecodeLimits) throws(CodecError) {
    let bytes = raw.bindMemory(to: UInt8.self)
    try MessageScanner.scan(bytes, as: Self.cDescriptor, limits: limits)
    let budget = max(limits.memoryFloorBytes, bytes.count * limits.memoryFactor)
    self = try MessageArena.withArena(budget: budget) { arena throws(CodecError) -> Self in
      // protobuf-c accepts NULL only for no bytes at all.
      let unpacked = framed_rpc_unpack(
        Self.cDescriptor, arena.arena, bytes.count, bytes.baseAddress)
      guard let unpacked else {
        throw arena.arena.pointee.exhausted != 0 ? .memoryBudgetExceeded : .malformed
      }
      return unpacked.withMemoryRebound(to: CStruct.self, capacity: 1) { Self($0) }
    }
  }
}

/// A pointer to the first of `count` elements that protobuf-c unpacked, as a collection.
@inlinable
public func repeatedField<Element>(
  _ start: UnsafeMutablePointer<Element>?, _ count: Int
) -> UnsafeBufferPointer<Element> {
  UnsafeBufferPointer(start: start, count: start == nil ? 0 : count)
}

/// Copies a `bytes` field.
public func bytesField(_ field: ProtobufCBinaryData) -> [UInt8] {
  Array(UnsafeBufferPointer(start: field.data, count: field.data == nil ? 0 : field.len))
}
