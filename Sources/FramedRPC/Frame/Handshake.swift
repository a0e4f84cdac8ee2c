package import NIOCore

/// What opens a connection: the client's magic and HELLO, the server's SETTINGS.
package enum Handshake {
  /// Neither ASCII nor the start of a TLS record, so that a port can be shared.
  package static let magic: [UInt8] = [0xF5, 0x46, 0x52, 0x50, 0x43, 0x0D, 0x0A, 0x1A]
  /// The first byte of a TLS handshake (RFC 8446, section 5.1).
  package static let tlsRecord: UInt8 = 0x16
  package static let version: UInt16 = 1

  fileprivate enum Feature {
    static let maxFrameBytes: UInt16 = 1
    static let maxConcurrentCalls: UInt16 = 2
    static let methods: UInt16 = 3
    static let streaming: UInt16 = 4
    static let minPingInterval: UInt16 = 5
    /// A feature with this bit must be understood by whoever reads it.
    static let critical: UInt16 = 0x8000
  }

  fileprivate static func writeFeature(
    _ id: UInt16, into buffer: inout ByteBuffer, _ write: (inout ByteBuffer) -> Void
  ) {
    var value = ByteBuffer()
    write(&value)
    buffer.writeMultipleIntegers(id, UInt32(value.readableBytes), endianness: .little)
    buffer.writeBuffer(&value)
  }

  fileprivate static func readFeatures(
    from body: inout ByteBuffer,
    _ read: (UInt16, inout ByteBuffer) throws(ProtocolViolation) -> Bool
  ) throws(ProtocolViolation) {
    while body.readableBytes > 0 {
      guard
        let (id, length) = body.readMultipleIntegers(
          endianness: .little, as: (UInt16, UInt32).self),
        var value = body.readSlice(length: Int(length))
      else {
        throw ProtocolViolation(.malformedFrame, "a handshake feature is cut off")
      }
      let known = try read(id, &value)
      guard known || id & Feature.critical == 0 else {
        throw ProtocolViolation(.unsupportedVersion, "handshake feature \(id) is not supported")
      }
    }
  }

  fileprivate static func readNumber(
    from value: inout ByteBuffer
  ) throws(ProtocolViolation) -> Int {
    guard let number = value.readInteger(endianness: .little, as: UInt32.self) else {
      throw ProtocolViolation(.malformedFrame, "a handshake feature is cut off")
    }
    return Int(number)
  }

  fileprivate static func readVersion(
    from body: inout ByteBuffer
  ) throws(ProtocolViolation) -> UInt16 {
    guard
      let (version, _) = body.readMultipleIntegers(
        endianness: .little, as: (UInt16, UInt16).self)
    else {
      throw ProtocolViolation(.malformedFrame, "the handshake is cut off")
    }
    return version
  }
}

/// What an endpoint takes in DATA frames. A peer without it has unary calls only, of one frame each
/// way.
package struct StreamingLimits: Hashable, Sendable {
  /// Smallest windows, so that one chunk always fits.
  static let minStreamWindow = 128 * 1024
  static let minConnectionWindow = 1024 * 1024

  /// Credit of every stream when it begins, in bytes.
  package var streamWindow: Int
  /// Credit of the connection when it begins, in bytes.
  package var connectionWindow: Int
  /// Largest message, in bytes.
  package var maxMessageBytes: Int

  package init(streamWindow: Int, connectionWindow: Int, maxMessageBytes: Int) {
    self.streamWindow = max(streamWindow, Self.minStreamWindow)
    self.connectionWindow = max(connectionWindow, Self.minConnectionWindow)
    self.maxMessageBytes = max(maxMessageBytes, FrameHeader.minLimit)
  }

  fileprivate func write(into body: inout ByteBuffer) {
    Handshake.writeFeature(Handshake.Feature.streaming, into: &body) {
      $0.writeMultipleIntegers(
        UInt32(clamping: self.streamWindow), UInt32(clamping: self.connectionWindow),
        UInt32(clamping: self.maxMessageBytes), endianness: .little)
    }
  }

  fileprivate init(from value: inout ByteBuffer) throws(ProtocolViolation) {
    guard
      let (stream, connection, message) = value.readMultipleIntegers(
        endianness: .little, as: (UInt32, UInt32, UInt32).self)
    else {
      throw ProtocolViolation(.malformedFrame, "a handshake feature is cut off")
    }
    self.init(
      streamWindow: Int(stream), connectionWindow: Int(connection), maxMessageBytes: Int(message))
  }
}

/// The client's half of the handshake.
package struct Hello: Hashable, Sendable {
  /// The highest version the client speaks.
  package var version: UInt16
  /// The largest frame body the client accepts.
  package var maxFrameBytes: Int
  package var streaming: StreamingLimits?

  package init(
    version: UInt16 = Handshake.version, maxFrameBytes: Int, streaming: StreamingLimits? = nil
  ) {
    self.version = version
    self.maxFrameBytes = maxFrameBytes
    self.streaming = streaming
  }

  package func write(into buffer: inout ByteBuffer) {
    var body = ByteBuffer()
    body.writeMultipleIntegers(self.version, UInt16(0), endianness: .little)
    Handshake.writeFeature(Handshake.Feature.maxFrameBytes, into: &body) {
      $0.writeInteger(UInt32(FrameHeader.limit(self.maxFrameBytes)), endianness: .little)
    }
    self.streaming?.write(into: &body)
    buffer.writeBytes(Handshake.magic)
    FrameHeader(length: body.readableBytes, type: .hello).write(into: &buffer)
    buffer.writeBuffer(&body)
  }

  package init(from body: ByteBuffer) throws(ProtocolViolation) {
    var body = body
    self.version = try Handshake.readVersion(from: &body)
    self.maxFrameBytes = FrameHeader.minLimit
    var maxFrameBytes = self.maxFrameBytes
    var streaming: StreamingLimits?
    try Handshake.readFeatures(from: &body) { id, value throws(ProtocolViolation) in
      switch id {
      case Handshake.Feature.maxFrameBytes:
        maxFrameBytes = try Handshake.readNumber(from: &value)
      case Handshake.Feature.streaming:
        streaming = try StreamingLimits(from: &value)
      default: return false
      }
      return true
    }
    self.maxFrameBytes = FrameHeader.limit(maxFrameBytes)
    self.streaming = streaming
  }
}

/// The server's half of the handshake: its limits, and its methods in the order of their slots.
package struct Settings: Hashable, Sendable {
  package var version: UInt16
  package var maxFrameBytes: Int
  package var maxConcurrentCalls: Int
  /// `sugang.pay.v1.PayService/Approve`; a method's slot is its index.
  package var methods: [String]
  package var streaming: StreamingLimits?
  /// Shortest time between two PINGs that the server thinks useful, in milliseconds.
  package var minPingMilliseconds: Int

  package init(
    version: UInt16 = Handshake.version, maxFrameBytes: Int, maxConcurrentCalls: Int,
    methods: [String], streaming: StreamingLimits? = nil, minPingMilliseconds: Int = 0
  ) {
    self.streaming = streaming
    self.minPingMilliseconds = minPingMilliseconds
    self.version = version
    self.maxFrameBytes = maxFrameBytes
    self.maxConcurrentCalls = maxConcurrentCalls
    self.methods = methods
  }

  package func write(into buffer: inout ByteBuffer) {
    var body = ByteBuffer()
    body.writeMultipleIntegers(self.version, UInt16(0), endianness: .little)
    Handshake.writeFeature(Handshake.Feature.maxFrameBytes, into: &body) {
      $0.writeInteger(UInt32(FrameHeader.limit(self.maxFrameBytes)), endianness: .little)
    }
    Handshake.writeFeature(Handshake.Feature.maxConcurrentCalls, into: &body) {
      $0.writeInteger(UInt32(clamping: self.maxConcurrentCalls), endianness: .little)
    }
    Handshake.writeFeature(Handshake.Feature.methods, into: &body) { value in
      for method in self.methods {
        value.writeInteger(MethodHash.hash(method), endianness: .little)
        value.writeInteger(UInt16(method.utf8.count), endianness: .little)
        value.writeString(method)
      }
    }
    self.streaming?.write(into: &body)
    if self.minPingMilliseconds > 0 {
      Handshake.writeFeature(Handshake.Feature.minPingInterval, into: &body) {
        $0.writeInteger(UInt32(clamping: self.minPingMilliseconds), endianness: .little)
      }
    }
    FrameHeader(length: body.readableBytes, type: .settings).write(into: &buffer)
    buffer.writeBuffer(&body)
  }

  package init(from body: ByteBuffer) throws(ProtocolViolation) {
    var body = body
    self.version = try Handshake.readVersion(from: &body)
    var maxFrameBytes = FrameHeader.minLimit
    var maxConcurrentCalls = RPCLimits.conservativeConcurrentCalls
    var methods: [String] = []
    var streaming: StreamingLimits?
    var minPingMilliseconds = 0
    try Handshake.readFeatures(from: &body) { id, value throws(ProtocolViolation) in
      switch id {
      case Handshake.Feature.streaming:
        streaming = try StreamingLimits(from: &value)
      case Handshake.Feature.minPingInterval:
        minPingMilliseconds = try Handshake.readNumber(from: &value)
      case Handshake.Feature.maxFrameBytes:
        maxFrameBytes = try Handshake.readNumber(from: &value)
      case Handshake.Feature.maxConcurrentCalls:
        maxConcurrentCalls = try Handshake.readNumber(from: &value)
      case Handshake.Feature.methods:
        methods = try Self.readMethods(from: &value)
      default: return false
      }
      return true
    }
    self.maxFrameBytes = FrameHeader.limit(maxFrameBytes)
    self.maxConcurrentCalls = min(maxConcurrentCalls, StreamID.maxSlots)
    self.methods = methods
    self.streaming = streaming
    self.minPingMilliseconds = minPingMilliseconds
  }

  private static func readMethods(
    from value: inout ByteBuffer
  ) throws(ProtocolViolation) -> [String] {
    var methods: [String] = []
    while value.readableBytes > 0 {
      guard
        let (hash, length) = value.readMultipleIntegers(
          endianness: .little, as: (UInt64, UInt16).self),
        let bytes = value.readBytes(length: Int(length)),
        let name = String(validating: bytes, as: UTF8.self), MethodHash.hash(name) == hash,
        methods.count < MethodTable.slotByHash
      else {
        throw ProtocolViolation(.malformedFrame, "the table of methods is malformed")
      }
      methods.append(name)
    }
    return methods
  }
}

/// How a method is named before its slot is known: FNV-1a, 64 bits, of its full name.
///
/// Fowler, Noll and Vo, "The FNV Non-Cryptographic Hash Algorithm" (RFC 9923). A collision inside
/// one server is refused when the server is made.
package enum MethodHash {
  package static func hash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}
