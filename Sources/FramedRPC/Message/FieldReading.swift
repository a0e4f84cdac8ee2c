public import CFramedRPC
public import CProtobufC

// What generated code copies fields of C structs into Swift values with.

/// A pointer to the first of `count` elements of a decoded struct, as a collection.
@inlinable
public func repeatedField<Element>(
  _ start: UnsafeMutablePointer<Element>?, _ count: Int
) -> UnsafeBufferPointer<Element> {
  UnsafeBufferPointer(start: start, count: start == nil ? 0 : count)
}

/// Copies a repeated field of messages.
@inlinable
public func messageFields<Message: CBackedMessage>(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<Message.CStruct>?>?, _ count: Int
) -> [Message] {
  guard let start else { return [] }
  var messages: [Message] = []
  messages.reserveCapacity(count)
  for index in 0..<count {
    if let pointer = start[index] {
      messages.append(Message(pointer))
    }
  }
  return messages
}

/// Copies a `string` field, which the decoder has found to be UTF-8: it is not checked again.
@inlinable
public func stringField(_ field: UnsafeMutablePointer<CChar>?) -> String {
  guard let field, field.pointee != 0 else { return "" }
  let bytes = UnsafeRawBufferPointer(start: field, count: framed_rpc_text_length(field))
  return String(
    copying: UTF8Span(unchecked: bytes.bindMemory(to: UInt8.self).span, isKnownASCII: false))
}

/// Copies a `bytes` field.
@inlinable
public func bytesField(_ field: ProtobufCBinaryData) -> [UInt8] {
  Array(UnsafeBufferPointer(start: field.data, count: field.data == nil ? 0 : field.len))
}
