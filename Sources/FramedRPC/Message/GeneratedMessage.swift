public import CFramedRPC
public import NIOCore

/// A message with a codec of its own: three C functions that the generator wrote for it.
///
/// They do what libprotobuf-c does with the same struct and the same bytes, in a third of the time
/// and without its allocations; ``CBackedMessage/init(decodingByReference:limits:)`` and
/// ``CBackedMessage/encodeByReference(into:)`` are what they are tested against.
public protocol GeneratedMessage: CBackedMessage {
  /// Reads the bytes from `at` up to `end` into `pointer`, which need not be initialised; what it
  /// points to belongs to the decoder's arena.
  ///
  /// - Returns: whether the bytes are such a message; if not, the decoder knows why.
  static func decode(
    _ decoder: UnsafeMutablePointer<framed_rpc_decoder>, _ at: UnsafePointer<UInt8>?,
    _ end: UnsafePointer<UInt8>?, _ pointer: UnsafeMutablePointer<CStruct>
  ) -> Bool

  /// The number of bytes that ``write(_:_:)`` writes.
  static func size(_ pointer: UnsafePointer<CStruct>) -> Int

  /// Writes the message in front of `end`.
  ///
  /// - Returns: where it begins.
  static func write(
    _ pointer: UnsafePointer<CStruct>, _ end: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8>?
}

extension GeneratedMessage {
  @inlinable
  public func encode(into buffer: inout ByteBuffer) throws(CodecError) {
    // Our own value: its size is bounded by what the process could build, and by the frame limit
    // when it is sent.
    try MessageArena.withArena(budget: .max) { arena throws(CodecError) in
      let pointer = try arena.message(self)
      let size = Self.size(pointer)
      // A buffer without memory would be grown, which costs more than to make one.
      if buffer.capacity == 0 { buffer = ByteBufferAllocator().buffer(capacity: size) }
      buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { bytes in
        guard size > 0, let start = bytes.baseAddress else { return 0 }
        let end = (start + size).assumingMemoryBound(to: UInt8.self)
        let first = Self.write(pointer, end)
        precondition(first.map { UnsafeMutableRawPointer($0) } == start)
        return size
      }
    }
  }

  @inlinable
  public init(decoding bytes: ByteBuffer, limits: DecodeLimits) throws(CodecError) {
    let outcome: Result<Self, CodecError> = bytes.withUnsafeReadableBytes { raw in
      do throws(CodecError) {
        return .success(try Self(untrusted: raw.bindMemory(to: UInt8.self), limits: limits))
      } catch {
        return .failure(error)
      }
    }
    self = try outcome.get()
  }

  @inlinable
  init(untrusted bytes: UnsafeBufferPointer<UInt8>, limits: DecodeLimits) throws(CodecError) {
    guard limits.maxDepth > 0 else { throw .tooDeep }
    let budget = limits.memoryBudget(bytes.count)
    self = try MessageArena.withArena(budget: budget) { arena throws(CodecError) -> Self in
      let pointer = try arena.allocate(CStruct.self, count: 1)
      var decoder = framed_rpc_decoder(
        arena: arena.arena, elements_left: max(limits.maxElements, 0),
        depth_left: limits.maxDepth - 1, fault: FRAMED_RPC_FAULT_NONE, field: nil)
      let end = bytes.baseAddress.map { $0 + bytes.count }
      guard Self.decode(&decoder, bytes.baseAddress, end, pointer) else {
        throw CodecError(decoder)
      }
      return Self(pointer)
    }
  }
}

extension CodecError {
  /// Why decoding failed.
  @usableFromInline
  init(_ decoder: framed_rpc_decoder) {
    let field = decoder.field.map { String(cString: $0) } ?? ""
    self =
      switch decoder.fault {
      case FRAMED_RPC_FAULT_TRUNCATED: .truncated
      case FRAMED_RPC_FAULT_INVALID_UTF8: .invalidUTF8(field: field)
      case FRAMED_RPC_FAULT_EMBEDDED_NUL: .embeddedNUL(field: field)
      case FRAMED_RPC_FAULT_REPEATED_MESSAGE: .repeatedMessage(field: field)
      case FRAMED_RPC_FAULT_TOO_DEEP: .tooDeep
      case FRAMED_RPC_FAULT_TOO_MANY_ELEMENTS: .tooManyElements
      case FRAMED_RPC_FAULT_OUT_OF_MEMORY: .memoryBudgetExceeded
      default: .malformed
      }
  }
}
