package import NIOCore

/// The sender accepts no more calls; those above `acceptedCalls` had no effect.
package struct GoAway: Hashable, Sendable {
  static let maxMessageBytes = 512

  /// How many REQUEST frames of this connection the sender has taken on.
  package var acceptedCalls: UInt64
  package var reason: GoAwayReason
  package var message: String

  package init(acceptedCalls: UInt64, reason: GoAwayReason, message: String) {
    self.acceptedCalls = acceptedCalls
    self.reason = reason
    self.message = message
  }

  package func write(into buffer: inout ByteBuffer) {
    let text = Array(self.message.utf8.prefix(Self.maxMessageBytes))
    FrameHeader(length: 12 + text.count, type: .goAway).write(into: &buffer)
    buffer.writeMultipleIntegers(
      self.acceptedCalls, self.reason.rawValue, endianness: .little)
    buffer.writeBytes(text)
  }

  package init(from body: ByteBuffer) throws(ProtocolViolation) {
    var body = body
    guard
      let (accepted, reason) = body.readMultipleIntegers(
        endianness: .little, as: (UInt64, UInt32).self)
    else {
      throw ProtocolViolation(.malformedFrame, "GOAWAY is cut off")
    }
    self.acceptedCalls = accepted
    self.reason = GoAwayReason(rawValue: reason)
    self.message = String(decoding: body.readableBytesView, as: UTF8.self)
  }
}
