/// Fields in one text, each behind its length: `["7", "kim"]` is `1:7,3:kim,`.
///
/// Any text fits into a field, and different fields never make the same text.
package enum FieldText {
  package static func encode(_ fields: [String]) -> String {
    fields.map { "\($0.utf8.count):\($0)," }.joined()
  }

  /// - Returns: nil when `text` was not made by ``encode(_:)``.
  package static func decode(_ text: String) -> [String]? {
    var fields: [String] = []
    var rest = text.utf8[...]
    while !rest.isEmpty {
      guard let colon = rest.firstIndex(of: UInt8(ascii: ":")),
        let length = Int(String(decoding: rest[..<colon], as: UTF8.self)), length >= 0
      else { return nil }
      let start = rest.index(after: colon)
      guard let end = rest.index(start, offsetBy: length, limitedBy: rest.endIndex),
        end < rest.endIndex, rest[end] == UInt8(ascii: ",")
      else { return nil }
      fields.append(String(decoding: rest[start..<end], as: UTF8.self))
      rest = rest[rest.index(after: end)...]
    }
    return fields
  }
}
