/// The JSON of a request with places that differ from call to call.
///
/// `{{i}}` is the call's number, from 0; `{{random}}` a random whole number below 2^53, which JSON
/// readers keep exactly. Within a string or as a number.
struct RequestTemplate: Sendable {
  private enum Part: Sendable {
    case text(String)
    case index
    case random
  }

  private let parts: [Part]

  /// - Throws: ``CommandFailure`` for a placeholder that does not exist or does not end.
  init(_ text: String) throws(CommandFailure) {
    var parts: [Part] = []
    var rest = text[...]
    while let start = rest.firstRange(of: "{{") {
      parts.append(.text(String(rest[..<start.lowerBound])))
      rest = rest[start.upperBound...]
      guard let end = rest.firstRange(of: "}}") else {
        // Two objects inside each other end so; only a name in braces is a placeholder.
        parts.append(.text("{{"))
        continue
      }
      let name = rest[..<end.lowerBound]
      switch name.filter({ $0 != " " }) {
      case "i": parts.append(.index)
      case "random": parts.append(.random)
      default:
        throw CommandFailure("there is no {{\(name)}} in a request, only {{i}} and {{random}}")
      }
      rest = rest[end.upperBound...]
    }
    parts.append(.text(String(rest)))
    self.parts = parts
  }

  /// Whether all requests are the same.
  var isConstant: Bool {
    self.parts.allSatisfy { if case .text = $0 { true } else { false } }
  }

  func text(_ index: Int, random: () -> Int = { Int.random(in: 0..<1 << 53) }) -> String {
    self.parts.reduce(into: "") { text, part in
      switch part {
      case .text(let literal): text += literal
      case .index: text += String(index)
      case .random: text += String(random())
      }
    }
  }
}
