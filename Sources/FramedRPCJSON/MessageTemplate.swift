internal import FramedRPC
import JSON

extension MessageTranscoder {
  /// Messages inside messages that a template shows.
  private static let maxTemplateDepth = 8

  /// A request to fill in: every field, with its default value; one element in each array.
  package static func template(for schema: MessageSchema) -> JSONValue {
    self.template(for: schema, depth: 1)
  }

  private static func template(for schema: MessageSchema, depth: Int) -> JSONValue {
    var object = JSONObject()
    var seenOneofs: Set<UInt32> = []
    for field in schema.fields {
      // Of alternatives only the first: the template as it stands must be a valid request.
      if let oneof = field.oneof, !seenOneofs.insert(oneof).inserted { continue }
      var value = WireToJSON(mapping: .plain, limits: .standard).defaultValue(field.kind)
      if case .message(let name) = field.kind {
        guard depth < self.maxTemplateDepth else { continue }
        value = self.template(for: schema.nested(name), depth: depth + 1)
      }
      object.append(field.jsonName, field.isRepeated ? [value] : value)
    }
    return .object(object)
  }
}
