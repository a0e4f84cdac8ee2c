package import FramedRPC
import JSON

/// Translates between the proto3 JSON of a message and its protobuf bytes, knowing the message only
/// by its schema: generated code's, or one that a server has told by reflection.
///
/// 64-bit integers are read as numbers or strings; see ``JSONMapping`` for how they are written.
package struct MessageTranscoder: Sendable {
  package let schema: MessageSchema
  private let mapping: JSONMapping

  package init(_ schema: MessageSchema, mapping: JSONMapping = .plain) {
    self.schema = schema
    self.mapping = mapping
  }

  package init(_ type: any CBackedMessage.Type, mapping: JSONMapping = .plain) {
    self.init(MessageSchema(type), mapping: mapping)
  }

  /// The bytes of the message that `json` describes.
  package func bytes(from json: JSONValue) throws(TranscodingError) -> [UInt8] {
    guard case .object(let object) = json else {
      throw TranscodingError("\(self.schema.name) is a JSON object, not \(json.kindInWords)")
    }
    return try JSONToWire(mapping: self.mapping).message(object, as: self.schema)
  }

  /// The message in `bytes`, with every field that has a default value.
  package func json(
    from bytes: [UInt8], limits: DecodeLimits = .standard
  ) throws(TranscodingError) -> JSONValue {
    var reader = WireToJSON(mapping: self.mapping, limits: limits)
    do throws(TranscodingError) {
      return try reader.message(bytes[...], as: self.schema)
    } catch {
      throw TranscodingError("not a \(self.schema.name): \(error)")
    }
  }
}
