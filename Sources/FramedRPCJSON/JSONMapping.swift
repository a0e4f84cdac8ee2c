/// Which proto3 JSON is meant: where it leaves a choice, and where our REST departs from it.
package struct JSONMapping: Hashable, Sendable {
  /// Integers of 64 bits are written as strings, else as numbers. Both are read.
  package var quotes64Bits: Bool
  /// Members that the message does not have are passed over, else refused.
  package var ignoresUnknownFields: Bool

  package init(quotes64Bits: Bool, ignoresUnknownFields: Bool) {
    self.quotes64Bits = quotes64Bits
    self.ignoresUnknownFields = ignoresUnknownFields
  }

  /// For people: numbers as everywhere in our REST, and a misspelt field is an error.
  package static let plain = JSONMapping(quotes64Bits: false, ignoresUnknownFields: false)

  /// For clients of any language and of another version of the schema: the canonical mapping, as
  /// JavaScript's numbers end at 2^53, and fields that are new to this side do no harm.
  package static let canonical = JSONMapping(quotes64Bits: true, ignoresUnknownFields: true)
}
