import JSON
import Kernel

/// How things look that have no place of their own: lines of a ledger, say. They have no link to
/// themselves, only one to the item of the collection that they belong to.
///
///     HALParts<PostedPointEntry, PointKind>(
///       "pointEntries", of: \.entry.pointID, fields: ["points": { .integer($0.entry.points) }])
package struct HALParts<Part: Sendable, OwnerKind>: Sendable {
  /// The name in `_embedded`.
  let collection: String
  let owner: @Sendable (Part) -> Identifier<OwnerKind>
  let fields: KeyValuePairs<String, @Sendable (Part) -> JSONValue>

  package init(
    _ collection: String, of owner: @escaping @Sendable (Part) -> Identifier<OwnerKind>,
    fields: KeyValuePairs<String, @Sendable (Part) -> JSONValue>
  ) {
    self.collection = collection
    self.owner = owner
    self.fields = fields
  }

  /// The names that `sort` may use.
  var sortable: [String] { self.fields.map(\.key) }

  func embedded<Owner>(
    _ parts: [Part], in resource: HALResource<Owner, OwnerKind>
  ) -> JSONValue {
    let objects = parts.map { part -> JSONValue in
      var object = JSONObject()
      for (name, value) in self.fields { object.append(name, value(part)) }
      let owner = HALLink.to(resource.href(of: self.owner(part)))
      object.append("_links", .object(JSONObject([.init(resource.item, owner)])))
      return .object(object)
    }
    return .object(JSONObject([.init(self.collection, .array(objects))]))
  }
}
