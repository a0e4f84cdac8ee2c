/// Bytes that FramedRPC does not allow: they end their connection, and nothing else.
package struct ProtocolViolation: Error, Hashable, Sendable {
  package let reason: GoAwayReason
  package let message: String

  package init(_ reason: GoAwayReason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  /// Often a service's other port.
  package static let http = ProtocolViolation(.notFramedRPC, "this port speaks HTTP")
  package static let tls = ProtocolViolation(.notFramedRPC, "this port takes plaintext, not TLS")
  package static let plaintext = ProtocolViolation(
    .notFramedRPC, "this port takes TLS, not plaintext")
}

/// Why a connection ends; the `reason` of GOAWAY.
package struct GoAwayReason: Hashable, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// An orderly end: the peer shuts down.
  package static let shutdown = GoAwayReason(rawValue: 0)
  package static let notFramedRPC = GoAwayReason(rawValue: 1)
  package static let unsupportedVersion = GoAwayReason(rawValue: 2)
  package static let frameTooLarge = GoAwayReason(rawValue: 3)
  package static let reservedFlag = GoAwayReason(rawValue: 4)
  package static let unknownFrameType = GoAwayReason(rawValue: 5)
  package static let malformedFrame = GoAwayReason(rawValue: 6)
  package static let streamInUse = GoAwayReason(rawValue: 7)
  /// A handshake or a frame did not arrive whole in time.
  package static let timeout = GoAwayReason(rawValue: 8)
  package static let unexpectedFrame = GoAwayReason(rawValue: 9)
  /// More DATA than the receiver had allowed.
  package static let flowControl = GoAwayReason(rawValue: 10)
  /// The client is known, and its calls are not taken.
  package static let notPermitted = GoAwayReason(rawValue: 16)
}
