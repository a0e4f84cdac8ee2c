import FramedRPCJSON
import JSON

/// A typed detail of an error: a protobuf message that a client may know, and the same for people.
///
/// The messages are those of google/rpc/error_details.proto, which Connect's and gRPC's clients have.
package struct ConnectDetail: Hashable, Sendable {
  /// `google.rpc.ErrorInfo`
  package let type: String
  /// The message's protobuf bytes.
  package let value: [UInt8]
  /// The message as JSON: no client may count on it.
  package let debug: JSONValue

  package init(type: String, value: [UInt8], debug: JSONValue) {
    self.type = type
    self.value = value
    self.debug = debug
  }

  /// A stable code, and the service that gives it its meaning.
  package static func errorInfo(reason: String, domain: String) -> ConnectDetail {
    var message = WireWriter()
    message.field(1, reason.utf8)
    message.field(2, domain.utf8)
    return ConnectDetail(
      type: "google.rpc.ErrorInfo", value: message.bytes,
      debug: ["reason": .string(reason), "domain": .string(domain)])
  }

  /// What is wrong with which fields.
  package static func badRequest(
    _ violations: [(field: String, description: String)]
  ) -> ConnectDetail {
    var message = WireWriter()
    for (field, description) in violations {
      var violation = WireWriter()
      violation.field(1, field.utf8)
      violation.field(2, description.utf8)
      message.field(1, violation.bytes)
    }
    return ConnectDetail(
      type: "google.rpc.BadRequest", value: message.bytes,
      debug: [
        "fieldViolations": .array(
          violations.map {
            ["field": .string($0.field), "description": .string($0.description)]
          })
      ])
  }

  /// When it is worth asking again.
  package static func retryInfo(seconds: Int) -> ConnectDetail {
    var delay = WireWriter()
    delay.field(1, varint: UInt64(bitPattern: Int64(seconds)))
    var message = WireWriter()
    message.field(1, delay.bytes)
    return ConnectDetail(
      type: "google.rpc.RetryInfo", value: message.bytes,
      debug: ["retryDelay": .string("\(seconds)s")])
  }

  var json: JSONValue {
    [
      "type": .string(self.type),
      "value": .string(Base64.encode(self.value, isPadded: false)),
      "debug": self.debug,
    ]
  }
}
