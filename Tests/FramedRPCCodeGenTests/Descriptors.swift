/// protoc's descriptors, encoded by hand: the tests need no protoc.
struct Descriptors {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ value: Int) {
    var value = UInt64(bitPattern: Int64(value))
    while value >= 0x80 {
      self.bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    self.bytes.append(UInt8(value))
  }

  mutating func set(_ field: Int, _ value: Int) {
    self.varint(field << 3)
    self.varint(value)
  }

  mutating func set(_ field: Int, _ value: [UInt8]) {
    self.varint(field << 3 | 2)
    self.varint(value.count)
    self.bytes += value
  }

  mutating func set(_ field: Int, _ value: String) {
    self.set(field, Array(value.utf8))
  }

  mutating func set(_ field: Int, _ write: (inout Descriptors) -> Void) {
    self.set(field, Self.make(write))
  }

  static func make(_ write: (inout Descriptors) -> Void) -> [UInt8] {
    var descriptors = Descriptors()
    write(&descriptors)
    return descriptors.bytes
  }

  // MARK: descriptor.proto

  /// A CodeGeneratorRequest of one file.
  static func request(
    package: String = "framedrpc.sample.v1", syntax: String? = "proto3", option: String? = nil,
    _ contents: (inout Descriptors) -> Void
  ) -> [UInt8] {
    Self.make {
      $0.set(1, "sample.proto")
      if let option { $0.set(2, option) }
      $0.set(15) { file in
        file.set(1, "sample.proto")
        file.set(2, package)
        contents(&file)
        if let syntax { file.set(12, syntax) }
      }
    }
  }

  mutating func message(_ name: String, _ contents: (inout Descriptors) -> Void = { _ in }) {
    self.set(4) {
      $0.set(1, name)
      contents(&$0)
    }
  }

  mutating func enumeration(_ name: String, _ values: [String]) {
    self.set(5) { enumeration in
      enumeration.set(1, name)
      for (number, value) in values.enumerated() {
        enumeration.set(2) {
          $0.set(1, value)
          $0.set(2, number)
        }
      }
    }
  }

  mutating func service(_ name: String, _ contents: (inout Descriptors) -> Void) {
    self.set(6) {
      $0.set(1, name)
      contents(&$0)
    }
  }

  mutating func method(
    _ name: String, input: String, output: String, clientStreams: Bool = false,
    serverStreams: Bool = false
  ) {
    self.set(2) {
      $0.set(1, name)
      $0.set(2, input)
      $0.set(3, output)
      if clientStreams { $0.set(5, 1) }
      if serverStreams { $0.set(6, 1) }
    }
  }

  /// The numbers of FieldDescriptorProto.Type.
  enum FieldType: Int {
    case double = 1
    case float, int64, uint64, int32, fixed64, fixed32, bool, string, group, message
    case bytes, uint32, enumeration, sfixed32, sfixed64, sint32, sint64
  }

  mutating func field(
    _ name: String, _ number: Int, _ type: FieldType, of typeName: String? = nil,
    isRepeated: Bool = false, oneof: Int? = nil, isProto3Optional: Bool = false
  ) {
    self.set(2) {
      $0.set(1, name)
      $0.set(3, number)
      $0.set(4, isRepeated ? 3 : 1)
      $0.set(5, type.rawValue)
      if let typeName { $0.set(6, typeName) }
      if let oneof { $0.set(9, oneof) }
      if isProto3Optional { $0.set(17, 1) }
    }
  }

  mutating func oneof(_ name: String) {
    self.set(8) { $0.set(1, name) }
  }

  /// A comment above what `path` points at.
  mutating func comments(_ comments: [([UInt8], String)]) {
    self.set(9) { info in
      for (path, comment) in comments {
        info.set(1) {
          $0.set(1, path)
          $0.set(3, comment)
        }
      }
    }
  }
}

/// What the generator answered, decoded by hand.
struct GeneratorAnswer {
  private(set) var error: String?
  private(set) var files: [String: String] = [:]

  init(_ bytes: [UInt8]) {
    for (field, value) in Self.fields(bytes[...]) {
      switch field {
      case 1: self.error = String(decoding: value, as: UTF8.self)
      case 15:
        var file = ["", ""]
        for (field, text) in Self.fields(value) {
          file[field == 1 ? 0 : 1] = String(decoding: text, as: UTF8.self)
        }
        self.files[file[0]] = file[1]
      default: break
      }
    }
  }

  /// The length-delimited fields of a message; the answer has no others.
  private static func fields(_ bytes: ArraySlice<UInt8>) -> [(Int, ArraySlice<UInt8>)] {
    var rest = bytes
    var fields: [(Int, ArraySlice<UInt8>)] = []
    func varint() -> Int {
      var value = 0
      var shift = 0
      while let byte = rest.popFirst() {
        value |= Int(byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      return value
    }
    while !rest.isEmpty {
      let field = varint() >> 3
      let length = varint()
      fields.append((field, rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return fields
  }
}
