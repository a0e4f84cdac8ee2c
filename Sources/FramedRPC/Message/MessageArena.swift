public import CFramedRPC
public import CProtobufC

/// The memory of one message while it is encoded or decoded.
///
/// A borrowed view of a C arena that lives on the stack of `withArena(budget:_:)`; it must not
/// leave that closure.
public struct MessageArena {
  /// Bytes of stack that serve as the first block: enough for nearly every request. Above 1,024 Swift
  /// takes such memory from the heap.
  @inlinable static var firstBlockBytes: Int { 1024 }

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
    let copy = framed_rpc_arena_alloc_bytes(self.arena, count + 1)
    guard let copy = copy?.bindMemory(to: UInt8.self, capacity: count + 1) else {
      throw .memoryBudgetExceeded
    }
    let containsNUL = string.withUTF8 { utf8 in
      // A copy that is not plain ASCII may still have no NUL.
      framed_rpc_copy_text(copy, utf8.baseAddress, count) == 0 && utf8.contains(0)
    }
    guard !containsNUL else { throw .embeddedNUL(field: "\(field)") }
    copy[count] = 0
    return UnsafeMutableRawPointer(copy).assumingMemoryBound(to: CChar.self)
  }

  /// Copies raw bytes.
  public func bytes(_ bytes: [UInt8]) throws(CodecError) -> ProtobufCBinaryData {
    guard !bytes.isEmpty else { return ProtobufCBinaryData(len: 0, data: nil) }
    return ProtobufCBinaryData(len: bytes.count, data: try self.scalars(bytes))
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
  ) throws(CodecError) -> UnsafeMutablePointer<UnsafeMutablePointer<Message.CStruct>?>? {
    guard !messages.isEmpty else { return nil }
    let pointers = try self.allocate(
      UnsafeMutablePointer<Message.CStruct>?.self, count: messages.count)
    // By index: a loop over the elements would copy each, and count its references up and down.
    for index in messages.indices {
      pointers[index] = try self.message(messages[index])
    }
    return pointers
  }

  /// The array that a repeated string field wants.
  public func strings(
    _ strings: [String], field: StaticString
  ) throws(CodecError) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
    guard !strings.isEmpty else { return nil }
    let pointers = try self.allocate(UnsafeMutablePointer<CChar>?.self, count: strings.count)
    for index in strings.indices {
      pointers[index] = try self.string(strings[index], field: field)
    }
    return pointers
  }

  /// The array that a repeated `bytes` field wants.
  public func byteStrings(
    _ byteStrings: [[UInt8]]
  ) throws(CodecError) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
    guard !byteStrings.isEmpty else { return nil }
    let copies = try self.allocate(ProtobufCBinaryData.self, count: byteStrings.count)
    for index in byteStrings.indices {
      copies[index] = try self.bytes(byteStrings[index])
    }
    return copies
  }

  /// The array that a repeated field of numbers wants.
  @inlinable
  public func scalars<Scalar: BitwiseCopyable>(
    _ scalars: [Scalar]
  ) throws(CodecError) -> UnsafeMutablePointer<Scalar>? {
    guard !scalars.isEmpty else { return nil }
    let copy = try self.allocate(Scalar.self, count: scalars.count)
    scalars.withUnsafeBufferPointer { source in
      if let start = source.baseAddress {
        copy.update(from: start, count: source.count)
      }
    }
    return copy
  }

  /// The array that a repeated field wants whose values have another type in C.
  @inlinable
  public func scalars<Value, Scalar: BitwiseCopyable>(
    _ values: [Value], _ cValue: (Value) -> Scalar
  ) throws(CodecError) -> UnsafeMutablePointer<Scalar>? {
    guard !values.isEmpty else { return nil }
    let copy = try self.allocate(Scalar.self, count: values.count)
    for index in values.indices {
      copy[index] = cValue(values[index])
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
