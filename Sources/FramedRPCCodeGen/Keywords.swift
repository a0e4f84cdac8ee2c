/// Names that break generated code in one of the languages that read our .proto files.
enum Keywords {
  /// protoc-c mends field names with a trailing underscore, but neither methods nor package parts;
  /// one rule for all is easier to remember.
  static func isReserved(_ name: String) -> Bool {
    Self.reserved.contains(name) || Self.reserved.contains(name.lowercased())
  }

  private static let reserved: Set<String> = {
    let c = """
      auto break case char const continue default do double else enum extern float for goto if \
      inline int long register restrict return short signed sizeof static struct switch typedef \
      union unsigned void volatile while
      """
    let cPlusPlus = """
      alignas alignof and asm bool catch class compl concept constexpr delete dynamic_cast \
      explicit export false friend mutable namespace new noexcept not nullptr operator or private \
      protected public requires template this throw true try typeid typename using virtual xor
      """
    let python = """
      as assert async await def del elif except finally from global import in is lambda none \
      nonlocal pass raise with yield
      """
    let swift = """
      actor any associatedtype defer deinit extension fallthrough fileprivate func guard init \
      inout internal let nil open protocol repeat rethrows self some subscript super throws \
      typealias var where
      """
    return Set(
      [c, cPlusPlus, python, swift].flatMap { $0.split(separator: " ").map(String.init) })
  }()
}
