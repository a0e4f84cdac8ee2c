/// Writes the two C functions that make a message's bytes from its struct: the same that
/// protobuf_c_message_pack makes.
///
/// The second writes from the end to the begin, so that the length of a nested message is known when
/// it is its turn.
struct EncoderEmitter {
  let message: Message

  /// The order in which protobuf-c packs.
  private var fields: [Field] { self.message.fields.sorted { $0.number < $1.number } }

  func emitSize(_ writer: inout SwiftWriter) {
    writer.block("\(CodecSignatures(message: self.message).size) {") { writer in
      guard !self.fields.isEmpty else {
        writer.line("(void)message;")
        writer.line("return 0;")
        return
      }
      writer.line("size_t size = 0;")
      for field in self.fields {
        field.emitSize(&writer)
      }
      writer.line("return size;")
    }
  }

  func emitWrite(_ writer: inout SwiftWriter) {
    writer.block("\(CodecSignatures(message: self.message).write) {") { writer in
      if self.fields.isEmpty {
        writer.line("(void)message;")
      }
      for field in self.fields.reversed() {
        field.emitWrite(&writer)
      }
      writer.line("return end;")
    }
  }
}

extension Field {
  private var tagBytes: [UInt8] {
    var tag = self.isPacked ? self.delimitedTag : self.tag
    var bytes: [UInt8] = []
    while tag >= 0x80 {
      bytes.append(UInt8(tag & 0x7F) | 0x80)
      tag >>= 7
    }
    return bytes + [UInt8(tag)]
  }

  /// Whether a field that is not repeated is sent.
  private var isThere: String {
    if let presence = self.presence {
      let isSet = "message->\(presence)_case == \(self.number)"
      return switch self.kind {
      case .message: "\(isSet) && \(self.cField) != NULL"
      case .string:
        "\(isSet) && \(self.cField) != NULL && \(self.cField) != protobuf_c_empty_string"
      default: isSet
      }
    }
    return switch self.kind {
    case .message: "\(self.cField) != NULL"
    case .string: "\(self.cField) != NULL && \(self.cField)[0] != 0"
    case .bytes: "\(self.cField).len != 0"
    case .bool, .number, .enumeration: "\(self.cField) != 0"
    }
  }

  /// A value as its varint.
  private func varint(_ value: String) -> String {
    switch self.kind {
    case .bool: return "\(value) != 0"
    case .enumeration: return "(uint64_t)(int64_t)(int32_t)\(value)"
    default:
      guard self.wire == .zigzag else {
        return self.cType.hasPrefix("u") ? value : "(uint64_t)(int64_t)\(value)"
      }
      return "framed_rpc_zigzag\(self.cType == "int32_t" ? 32 : 64)(\(value))"
    }
  }

  // MARK: size

  fileprivate func emitSize(_ writer: inout SwiftWriter) {
    let tag = self.tagBytes.count
    guard self.isRepeated else {
      writer.line("if (\(self.isThere)) size += \(tag) + \(self.sizeExpression(self.cField));")
      return
    }
    writer.block("if (\(self.cCount) != 0) {") { writer in
      if self.isPacked, case .fixed(let bytes) = self.wire {
        writer.line("size += \(tag) + framed_rpc_delimited_size(\(self.cCount) * \(bytes));")
        return
      }
      writer.line(self.isPacked ? "size_t packed = 0;" : "size += \(self.cCount) * \(tag);")
      writer.block("for (size_t index = 0; index < \(self.cCount); index++) {") { writer in
        writer.line(
          "\(self.isPacked ? "packed" : "size") += "
            + "\(self.sizeExpression("\(self.cField)[index]"));")
      }
      if self.isPacked {
        writer.line("size += \(tag) + framed_rpc_delimited_size(packed);")
      }
    }
  }

  private func sizeExpression(_ value: String) -> String {
    switch self.kind {
    case .string: return "framed_rpc_delimited_size(framed_rpc_text_length(\(value)))"
    case .bytes: return "framed_rpc_delimited_size(\(value).len)"
    case .message(let type):
      return "framed_rpc_delimited_size(\(Naming.cFunction(type))__size(\(value)))"
    case .bool, .number, .enumeration:
      if case .fixed(let bytes) = self.wire { return "\(bytes)" }
      return "framed_rpc_varint_size(\(self.varint(value)))"
    }
  }

  // MARK: bytes

  fileprivate func emitWrite(_ writer: inout SwiftWriter) {
    guard self.isRepeated else {
      writer.block("if (\(self.isThere)) {") { writer in
        self.emitWrite(self.cField, &writer)
        self.emitTag(&writer)
      }
      return
    }
    func emitElements(_ writer: inout SwiftWriter, _ body: (inout SwiftWriter) -> Void) {
      writer.block("for (size_t index = \(self.cCount); index-- > 0;) {") { body(&$0) }
    }
    guard self.isPacked else {
      emitElements(&writer) { writer in
        self.emitWrite("\(self.cField)[index]", &writer)
        self.emitTag(&writer)
      }
      return
    }
    writer.block("if (\(self.cCount) != 0) {") { writer in
      writer.line("uint8_t *stop = end;")
      emitElements(&writer) { self.emitWrite("\(self.cField)[index]", &$0) }
      writer.line("end = framed_rpc_write_varint(end, (uint64_t)(stop - end));")
      self.emitTag(&writer)
    }
  }

  private func emitWrite(_ value: String, _ writer: inout SwiftWriter) {
    switch self.kind {
    case .string:
      writer.line(
        "end = framed_rpc_write_delimited(end, \(value), framed_rpc_text_length(\(value)));")
    case .bytes:
      writer.line("end = framed_rpc_write_delimited(end, \(value).data, \(value).len);")
    case .message(let type):
      writer.line("uint8_t *stop = end;")
      writer.line("end = \(Naming.cFunction(type))__write(\(value), end);")
      writer.line("end = framed_rpc_write_varint(end, (uint64_t)(stop - end));")
    case .bool, .number, .enumeration:
      if case .fixed(let bytes) = self.wire {
        writer.line("end = framed_rpc_write_fixed\(bytes * 8)(end, &\(value));")
      } else {
        writer.line("end = framed_rpc_write_varint(end, \(self.varint(value)));")
      }
    }
  }

  private func emitTag(_ writer: inout SwiftWriter) {
    for byte in self.tagBytes.reversed() {
      writer.line("*--end = \(byte);")
    }
  }
}
