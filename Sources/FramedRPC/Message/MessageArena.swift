public import CProtobufC

/// The memory of one message while it is packed or unpacked.
///
/// A borrowed view of a C arena that lives on the stack of `withArena(budget:_:)`; it must not
/// leave that closure.
public struct MessageArena {
  /// Bytes of stack that serve as the first block: enough for nearly every request.
  @usableFromInline static let firstBlockBytes = 2048

  @usableFromInline let arena: UnsafeMutablePointer<framed_rpc_arena>

  @inlinable
  init(arena: UnsafeMutablePointer<framed_rpc_arena>) {
    self.arena = arena
  }

  @inlinable
  static func withArena<Result: ~Copyable, Failure: Error>(
    budget: Int, _ body: (MessageArena) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeTemporaryAllocation(byteCount: Self.firstBlockBytes, alignment: 16) {
      block throws(Failure) -> Result in
      var arena = framed_rpc_arena()
      framed_rpc_arena_init(&arena, block.baseAddress, block.count, budget)
      defer { framed_rpc_arena_destroy(&arena) }
      return try withUnsafeMutablePointer(to: &arena) { pointer throws(Failure) -> Result in
        try body(MessageArena(arena: pointer))
      }
    }
  }

  @inlinable
  func allocate<Element>(
    _ type: Element.Type, count: Int
  ) throws(CodecError) -> UnsafeMutablePointer<Element> {
    let bytes = framed_rpc_arena_alloc(self.arena, count * MemoryLayout<Element>.stride)
    guard let bytes else { throw .memoryBudgetExceeded }
    return bytes.bindMemory(to: type, capacity: count)
  }

  /// Copies a string as C wants it, with a NUL at its end and none inside.
  public func string(
    _ string: String, field: StaticString
  ) throws(CodecError) -> UnsafeMutablePointer<CChar> {
    var string = string
    let count = string.utf8.count
    let copy = try self.allocate(UInt8.self, count: count + 1)
    let containsNUL = string.withUTF8 { utf8 in
      if let source = utf8.baseAddress {
        copy.update(from: source, count: count)
      }
      return utf8.contains(0)
    }
    guard !containsNUL else { throw .embeddedNUL(field: "\(field)") }
    copy[count] = 0
    return UnsafeMutableRawPointer(copy).assumingMemoryBound(to: CChar.self)
  }

  /// Copies raw bytes.
  public func bytes(_ bytes: [UInt8]) throws(CodecError) -> ProtobufCBinaryData {
    let copy = try self.allocate(UInt8.self, count: max(bytes.count, 1))
    bytes.withUnsafeBufferPointer { source in
      if let start = source.baseAddress {
        copy.update(from: start, count: source.count)
      }
    }
    return ProtobufCBinaryData(len: bytes.count, data: copy)
  }

  /// The C struct of a nested message.
  @inlinable
  public func message<Message: CBackedMessage>(
    _ message: Message
  ) throws(CodecError) -> UnsafeMutablePointer<Message.CStruct> {
    let pointer = try self.allocate(Message.CStruct.self, count: 1)
    try message.fill(pointer, arena: self)
    return pointer
  }

  /// The array of pointers that a repeated message field wants.
  @inlinable
  public func messages<Message: CBackedMessage>(
    _ messages: [Message]
  ) throws(CodecError) -> UnsafeMutablePointer<UnsafeMutablePointer<Message.CStruct>?> {
    let pointers = try self.allocate(
      UnsafeMutablePointer<Message.CStruct>?.self, count: max(messages.count, 1))
    for (index, message) in messages.enumerated() {
      pointers[index] = try self.message(message)
    }
    return pointers
  }

  /// The array that a repeated string field wants.
  public func strings(
    _ strings: [String], field: StaticString
  ) throws(CodecError) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
    let pointers = try self.allocate(
      UnsafeMutablePointer<CChar>?.self, count: max(strings.count, 1))
    for (index, string) in strings.enumerated() {
      pointers[index] = try self.string(string, field: field)
    }
    return pointers
  }

  /// The array that a repeated `bytes` field wants.
  public func byteStrings(
    _ byteStrings: [[UInt8]]
  ) throws(CodecError) -> UnsafeMutablePointer<ProtobufCBinaryData> {
    let copies = try self.allocate(ProtobufCBinaryData.self, count: max(byteStrings.count, 1))
    for (index, bytes) in byteStrings.enumerated() {
      copies[index] = try self.bytes(bytes)
    }
    return copies
  }

  /// The array that a repeated scalar field wants.
  @inlinable
  public func scalars<Scalar>(
    _ scalars: [Scalar]
  ) throws(CodecError) -> UnsafeMutablePointer<Scalar> {
    let copy = try self.allocate(Scalar.self, count: max(scalars.count, 1))
    for (index, scalar) in scalars.enumerated() {
      copy[index] = scalar
    }
    return copy
  }
}

extension UnsafePointer where Pointee == ProtobufCMessageDescriptor {
  /// The fields of the message, ordered by number.
  public var fields: UnsafeBufferPointer<ProtobufCFieldDescriptor> {
    UnsafeBufferPointer(start: self.pointee.fields, count: Int(self.pointee.n_fields))
  }
}
