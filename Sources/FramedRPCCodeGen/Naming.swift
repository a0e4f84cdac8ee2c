/// How protobuf names become C names (as protoc-c makes them) and Swift names.
enum Naming {
  /// `sugang.pay.v1` → `PayV1`: the product's name says nothing inside the product.
  static func namespace(_ package: String) -> String {
    let parts = package.split(separator: ".")
    let significant = parts.count > 2 ? parts.dropFirst() : parts[...]
    return significant.map { Self.capitalized($0) }.joined()
  }

  /// `sugang.pay.v1.Payment` → `PayV1.Payment`
  static func swiftType(_ fullName: String) -> String {
    guard let dot = fullName.lastIndex(of: ".") else { return fullName }
    return "\(Self.namespace(String(fullName[..<dot]))).\(fullName[fullName.index(after: dot)...])"
  }

  /// `class_id` → `classID`, `text_book` → `textBook`
  static func property(_ field: String) -> String {
    let parts = field.split(separator: "_")
    let rest = parts.dropFirst().map { $0 == "id" ? "ID" : Self.capitalized($0) }
    return (parts.first.map(String.init) ?? "") + rest.joined()
  }

  /// `COLOR_RED` of `Color` → `red`
  static func enumCase(_ value: String, of enumeration: String) -> String {
    let prefix = Self.snake(enumeration) + "_"
    let lowered = value.lowercased()
    return Self.property(
      lowered.hasPrefix(prefix) ? String(lowered.dropFirst(prefix.count)) : lowered)
  }

  /// `GetPayment` → `getPayment`
  static func method(_ name: String) -> String {
    name.prefix(1).lowercased() + name.dropFirst()
  }

  /// `sugang.pay.v1.Payment` → `Sugang__Pay__V1__Payment`
  static func cType(_ fullName: String) -> String {
    fullName.split(separator: ".").map { part in
      part.split(separator: "_").map { Self.capitalized($0) }.joined()
    }.joined(separator: "__")
  }

  /// `sugang.pay.v1.GetPaymentRequest` → `sugang__pay__v1__get_payment_request`
  static func cFunction(_ fullName: String) -> String {
    fullName.split(separator: ".").map { Self.snake($0) }.joined(separator: "__")
  }

  /// The initialiser of a C struct: `SUGANG__PAY__V1__PAYMENT__INIT`
  static func cInitialiser(_ fullName: String) -> String {
    "\(Self.cFunction(fullName).uppercased())__INIT"
  }

  /// `sugang/pay/v1/pay.proto` → `sugang/pay/v1/pay`
  static func withoutEnding(_ file: String) -> String {
    file.hasSuffix(".proto") ? String(file.dropLast(".proto".count)) : file
  }

  private static func capitalized(_ part: some StringProtocol) -> String {
    part.prefix(1).uppercased() + part.dropFirst()
  }

  /// An underscore before each upper-case letter that follows a lower-case one or a digit… as
  /// protoc-c's CamelToLower does it.
  private static func snake(_ name: some StringProtocol) -> String {
    var result = ""
    var lastWasUpper = true
    for character in name {
      let isUpper = character.isUppercase
      if isUpper, !lastWasUpper {
        result.append("_")
      }
      result.append(contentsOf: character.lowercased())
      lastWasUpper = isUpper
    }
    return result
  }
}
