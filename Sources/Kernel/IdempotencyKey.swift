/// A caller's name for one command, so that a repeat gets the first answer instead of a second
/// effect.
package struct IdempotencyKey: Hashable, Sendable {
  /// Longest key, in ASCII characters (Stripe's limit).
  package static let maxLength = 255

  package let value: String

  /// Accepts 1 to ``maxLength`` visible ASCII characters, bare or in double quotes as the
  /// Idempotency-Key draft wants it.
  ///
  /// - Throws: ``IdempotencyKeyError``.
  package init(_ text: String) throws(IdempotencyKeyError) {
    var bytes = Array(text.utf8)
    if bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") {
      bytes = Array(bytes.dropFirst().dropLast())
    }
    guard !bytes.isEmpty else { throw .empty }
    guard bytes.count <= IdempotencyKey.maxLength else { throw .tooLong(bytes.count) }
    guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .notVisibleASCII }
    self.value = String(decoding: bytes, as: UTF8.self)
  }
}

/// Why a text is not an idempotency key.
package enum IdempotencyKeyError: Error, Hashable, Sendable {
  case empty
  case tooLong(Int)
  case notVisibleASCII

  package var reason: String {
    switch self {
    case .empty: "must not be empty"
    case .tooLong(let length):
      "must be at most \(IdempotencyKey.maxLength) characters, got \(length)"
    case .notVisibleASCII: "must be visible ASCII characters without blanks"
    }
  }
}
