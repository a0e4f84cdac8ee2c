import Contracts
import FramedRPC
import Kernel

/// A fact that a context publishes with the change that made it true.
package struct OutgoingEvent: Sendable {
  /// The seed's word: `PaymentApproved`.
  package let type: String
  /// The version of the type's schema.
  package let version: Int32
  /// What the fact is about: `class-7`, or `course-7` for Course's own events.
  package let subject: String
  package let time: Timestamp
  /// The class id that ties one flow together (K13).
  package let correlationID: String
  package let cause: Cause
  /// W3C traceparent, or empty.
  package let traceContext: String
  /// The protobuf message named by `type`.
  package let data: [UInt8]

  package init(
    type: String, version: Int32 = 1, subject: String, correlationID: String, time: Timestamp,
    cause: Cause, traceContext: String = "", data: [UInt8]
  ) {
    self.type = type
    self.version = version
    self.subject = subject
    self.time = time
    self.correlationID = correlationID
    self.cause = cause
    self.traceContext = traceContext
    self.data = data
  }

  /// A protobuf string of the feed cannot have a NUL.
  ///
  /// - Throws: ``UntellableEvent``.
  func checkTexts() throws(UntellableEvent) {
    let texts = [
      ("type", self.type), ("subject", self.subject), ("correlation_id", self.correlationID),
      ("causation_id", self.cause.id), ("trace_context", self.traceContext),
    ]
    for (field, text) in texts where text.utf8.contains(0) {
      throw UntellableEvent(type: self.type, field: field)
    }
  }
}

/// An event with a NUL in a text: it can be stored, and never be sent.
package struct UntellableEvent: Error, Hashable, Sendable {
  package let type: String
  /// The column of the outbox.
  package let field: String

  package init(type: String, field: String) {
    self.type = type
    self.field = field
  }
}

extension EventsV1.Event {
  /// The message inside the event.
  ///
  /// - Throws: `CodecError`: the event is poison.
  package func message<Message: RPCMessage>(_ type: Message.Type) throws -> Message {
    try Message(decoding: self.data)
  }

  /// What events raised in answer to this one name as their cause.
  package var cause: Cause { Cause(id: self.id) }
}
