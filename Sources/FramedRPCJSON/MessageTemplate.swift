internal import FramedRPC
import JSON

extension MessageTranscoder {
  /// Messages inside messages that a template shows.
  private static let maxTemplateDepth = 8
  /// Fields after which messages inside are left out: a server tells of messages that hold each
  /// other twelve times, twelve to the power of the depth in all.
  private static let maxTemplateFields = 1_000

  /// A request to fill in: every field, with its default value; one element in each array.
  package static func template(for schema: MessageSchema) -> JSONValue {
    var fieldsLeft = Self.maxTemplateFields
    return self.template(for: schema, depth: 1, &fieldsLeft)
  }

  private static func template(
    for schema: MessageSchema, depth: Int, _ fieldsLeft: inout Int
  ) -> JSONValue {
    fieldsLeft -= schema.fields.count
    var object = JSONObject()
    var seenOneofs: Set<UInt32> = []
    for field in schema.fields {
      // Of alternatives only the first: the template as it stands must be a valid request.
      if let oneof = field.oneof, !seenOneofs.insert(oneof).inserted { continue }
      var value = WireToJSON(mapping: .plain, limits: .standard).defaultValue(field.kind)
      if case .message(let name) = field.kind {
        guard depth < self.maxTemplateDepth, fieldsLeft > 0 else { continue }
        value = self.template(for: schema.nested(name), depth: depth + 1, &fieldsLeft)
      }
      object.append(field.jsonName, field.isRepeated ? [value] : value)
    }
    return .object(object)
  }
}
