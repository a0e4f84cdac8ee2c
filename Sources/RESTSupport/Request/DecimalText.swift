/// Integers in text, strictly: httpie sends `fee=10000` as the string `"10000"`.
enum DecimalText {
  /// An optional minus sign and decimal digits, within 64 bits; nil for everything else, such as
  /// empty text, blanks, a plus sign and fractions.
  static func int64(_ text: some StringProtocol) -> Int64? {
    guard !text.utf8.starts(with: "+".utf8) else { return nil }
    return Int64(text)
  }

  /// The same without a sign and without needless zeros: the one way to write an id in a path.
  static func pathID(_ text: String) -> Int64? {
    guard let value = self.int64(text), value >= 0, String(value) == text else { return nil }
    return value
  }
}
