import Foundation

extension String {
  /// The same text in normalization form C, as names are kept and compared: a Korean name is one
  /// name, whether its syllables came whole or in parts (trap T17).
  package var normalized: String {
    // Nearly all are ASCII, which is normal by itself.
    self.utf8.allSatisfy { $0 < 0x80 } ? self : self.precomposedStringWithCanonicalMapping
  }
}
