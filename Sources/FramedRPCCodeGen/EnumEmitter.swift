/// Writes an enum as an open set of named numbers: a value that a newer peer added must survive.
struct EnumEmitter {
  let enumeration: Enum

  func emit(_ writer: inout SwiftWriter) {
    writer.documentation(self.enumeration.comment)
    writer.block("public struct \(self.enumeration.name): RawRepresentable, Hashable, Sendable {") {
      writer in
      writer.line("public let rawValue: Int32")
      writer.line()
      writer.block("public init(rawValue: Int32) {") { $0.line("self.rawValue = rawValue") }
      writer.line()
      for value in self.enumeration.values {
        writer.documentation(value.comment)
        let name = Naming.enumCase(value.name, of: self.enumeration.name)
        writer.line(
          "public static let \(name) = \(self.enumeration.name)(rawValue: \(value.number))")
      }
    }
  }
}
