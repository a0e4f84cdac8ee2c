/// Writes the C function that reads a message's bytes into its struct and refuses what
/// `DecodeLimits` and `CodecError` forbid, all in one pass.
struct DecoderEmitter {
  let message: Message

  func emit(_ writer: inout SwiftWriter) {
    writer.block("\(CodecSignatures(message: self.message).decode) {") { writer in
      writer.line(
        "static const \(Naming.cType(self.message.fullName)) initial = "
          + "\(Naming.cInitialiser(self.message.fullName));")
      writer.line("*message = initial;")
      for field in self.message.fields where field.isRepeated {
        writer.line("size_t \(field.capacity) = 0;")
      }
      writer.block("while (at != end) {") { writer in
        writer.line("uint32_t tag;")
        writer.line("at = framed_rpc_read_tag(decoder, at, end, &tag);")
        writer.line("if (at == NULL) return 0;")
        writer.block("switch (tag) {") { writer in
          for field in self.message.fields {
            field.emitDecode(&writer)
          }
          self.emitDefault(&writer)
        }
        writer.line("if (at == NULL) return 0;")
      }
      writer.line("return 1;")
    }
  }

  /// A field that is known but has another wire type is an error, as to libprotobuf-c.
  private func emitDefault(_ writer: inout SwiftWriter) {
    writer.block("default:", closing: nil) { writer in
      if !self.message.fields.isEmpty {
        writer.block("switch (tag >> 3) {") { writer in
          for field in self.message.fields {
            writer.line("case \(field.number):")
          }
          writer.line("  framed_rpc_fail(decoder, FRAMED_RPC_FAULT_MALFORMED, NULL);")
          writer.line("  return 0;")
        }
      }
      writer.line("at = framed_rpc_skip(decoder, at, end, tag);")
    }
  }
}

extension Field {
  /// The local variable with the room of a repeated field's array.
  fileprivate var capacity: String { "\(self.name)_capacity" }

  fileprivate func emitDecode(_ writer: inout SwiftWriter) {
    self.emitCase(self.tag, &writer) { writer in
      switch self.kind {
      case .message(let type): self.emitMessage(type, &writer)
      case .string: self.emitDelimited("string", arguments: self.stringArguments, &writer)
      case .bytes: self.emitDelimited("bytes", arguments: "", &writer)
      case .bool, .number, .enumeration: self.emitScalar(&writer)
      }
    }
    if self.isRepeated, self.wire != .delimited {
      self.emitCase(self.delimitedTag, &writer) { self.emitPacked(&$0) }
    }
  }

  private func emitCase(
    _ tag: UInt32, _ writer: inout SwiftWriter, _ body: (inout SwiftWriter) -> Void
  ) {
    writer.block("case \(tag): { /* \(self.name) */") { writer in
      body(&writer)
      writer.line("break;")
    }
  }

  /// Where the next value goes: the field, or the place behind the last element.
  private var target: String {
    self.isRepeated ? "\(self.cField)[\(self.cCount)]" : self.cField
  }

  /// Makes room for `more` elements where there is none.
  private func emitRoom(for more: String = "1", _ writer: inout SwiftWriter) {
    guard self.isRepeated else { return }
    writer.block("if (\(self.capacity) - \(self.cCount) < \(more)) {") { writer in
      writer.line(
        "void *grown = framed_rpc_grow(decoder, \(self.cField), \(self.cCount), \(more), "
          + "&\(self.capacity), sizeof \(self.cField)[0]);")
      writer.line("if (grown == NULL) return 0;")
      writer.line("\(self.cField) = grown;")
    }
  }

  /// Takes note that the value is there.
  private func emitArrival(_ writer: inout SwiftWriter) {
    if self.isRepeated {
      writer.line("\(self.cCount) += 1;")
    } else if let presence = self.presence {
      writer.line("message->\(presence)_case = \(self.number);")
    }
  }

  /// protobuf-c takes its own empty string within a oneof for a string that is not there.
  private var stringArguments: String {
    "\"\(self.name)\", \(self.presence == nil ? "protobuf_c_empty_string" : "NULL"), "
  }

  private func emitDelimited(
    _ reader: String, arguments: String, _ writer: inout SwiftWriter
  ) {
    self.emitRoom(&writer)
    writer.line(
      "at = framed_rpc_read_\(reader)(decoder, at, end, \(arguments)&\(self.target));")
    if self.isRepeated {
      writer.line("if (at == NULL) return 0;")
    }
    self.emitArrival(&writer)
  }

  private func emitMessage(_ type: String, _ writer: inout SwiftWriter) {
    let isSet =
      self.presence.map { "message->\($0)_case == \(self.number)" } ?? "\(self.cField) != NULL"
    let twice = self.isRepeated ? "NULL" : "\(isSet) ? \"\(self.name)\" : NULL"
    let decode = "\(Naming.cFunction(type))__decode"
    writer.line(
      "framed_rpc_content content = framed_rpc_open_message(decoder, at, end, \(twice));")
    writer.line("if (content.at == NULL) return 0;")
    self.emitRoom(&writer)
    writer.line(
      "\(Naming.cType(type)) *nested = framed_rpc_allocate(decoder, sizeof *nested);")
    writer.line("if (nested == NULL) return 0;")
    writer.line("if (!\(decode)(decoder, content.at, content.stop, nested)) return 0;")
    writer.line("framed_rpc_close_message(decoder);")
    writer.line("\(self.target) = nested;")
    self.emitArrival(&writer)
    writer.line("at = content.stop;")
  }

  private func emitScalar(_ writer: inout SwiftWriter) {
    self.emitRoom(&writer)
    if case .fixed(let bytes) = self.wire {
      writer.line("at = framed_rpc_read_fixed\(bytes * 8)(decoder, at, end, &\(self.target));")
    } else {
      writer.line("framed_rpc_varint varint = framed_rpc_read_varint(decoder, at, end);")
      writer.line("\(self.target) = \(self.cValue("varint.value"));")
      writer.line("at = varint.next;")
    }
    self.emitArrival(&writer)
  }

  private func emitPacked(_ writer: inout SwiftWriter) {
    writer.line("size_t count;")
    if case .fixed(let bytes) = self.wire {
      writer.line(
        "framed_rpc_content content = "
          + "framed_rpc_open_packed_fixed(decoder, at, end, \(bytes), &count);")
    } else {
      writer.line(
        "framed_rpc_content content = framed_rpc_open_packed_varints(decoder, at, end, &count);")
    }
    writer.line("if (content.at == NULL) return 0;")
    self.emitRoom(for: "count", &writer)
    writer.block("while (content.at != content.stop) {") { writer in
      if case .fixed(let bytes) = self.wire {
        writer.line(
          "content.at = framed_rpc_read_fixed\(bytes * 8)(decoder, content.at, content.stop, "
            + "&\(self.target));")
      } else {
        writer.line(
          "framed_rpc_varint varint = framed_rpc_read_varint(decoder, content.at, content.stop);")
        writer.line("if (varint.next == NULL) return 0;")
        writer.line("\(self.target) = \(self.cValue("varint.value"));")
        writer.line("content.at = varint.next;")
      }
      writer.line("\(self.cCount) += 1;")
    }
    writer.line("at = content.stop;")
  }

  /// What a varint means.
  private func cValue(_ varint: String) -> String {
    switch self.kind {
    case .bool: return "\(varint) != 0"
    case .enumeration: return "(\(self.cType))(int32_t)\(varint)"
    default:
      guard self.wire == .zigzag else { return "(\(self.cType))\(varint)" }
      return self.cType == "int32_t"
        ? "(int32_t)framed_rpc_unzigzag32((uint32_t)\(varint))"
        : "(int64_t)framed_rpc_unzigzag64(\(varint))"
    }
  }
}
