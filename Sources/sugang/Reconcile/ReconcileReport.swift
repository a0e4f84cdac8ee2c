import JSON

/// What `sugang reconcile` prints.
struct ReconcileReport {
  struct Line: Hashable, Sendable {
    let finding: Finding
    let cause: String
    /// What would mend it, or has; empty when a person has to.
    let repairs: [Repair]
  }

  let lines: [Line]
  let totals: MoneyTotals
  /// What is left after mending; nil when nothing was to be mended.
  let left: [Finding]?

  var text: String {
    var text = ""
    if !self.lines.isEmpty {
      var table = TextTable(
        ("class", .right), ("finding", .left), ("detail", .left), ("repair", .left),
        ("outcome", .left), ("likely cause", .left))
      for line in self.lines {
        table.add(
          "\(line.finding.classID)", line.finding.kind.rawValue, line.finding.detail,
          Self.text(line.repairs), self.outcome(line), line.cause)
      }
      text += table.text + "\n"
    }
    if let left = self.left {
      // What came to light by mending, too.
      let known = Set(self.lines.map { Key($0.finding) })
      for finding in left where !known.contains(Key(finding)) {
        text += "left: class \(finding.classID) \(finding.kind.rawValue): \(finding.detail)\n"
      }
    }
    return text + self.sums
  }

  /// `captured 30000 won = registered 20000 + pending 10000; given back 0; 3 classes`
  private var sums: String {
    let totals = self.totals
    return """
      findings: \(self.lines.count)\(self.left.map { ", left: \($0.count)" } ?? "")
      captured \(totals.captured) won \(totals.balances ? "=" : "≠") registered \
      \(totals.registered) + pending \(totals.pending); given back \(totals.refunded); \
      \(totals.classes) classes
      """
  }

  var json: JSONValue {
    [
      "findings": .array(
        self.lines.map { line in
          [
            "class": .integer(line.finding.classID),
            "finding": .string(line.finding.kind.rawValue),
            "detail": .string(line.finding.detail),
            "repairs": .array(line.repairs.map { .string($0.rawValue) }),
            "outcome": .string(self.outcome(line)), "cause": .string(line.cause),
          ]
        }),
      "left": .array(
        (self.left ?? self.lines.map(\.finding)).map { finding in
          [
            "class": .integer(finding.classID), "finding": .string(finding.kind.rawValue),
            "detail": .string(finding.detail),
          ]
        }),
      "captured": .integer(self.totals.captured),
      "registered": .integer(self.totals.registered), "pending": .integer(self.totals.pending),
      "refunded": .integer(self.totals.refunded), "classes": .integer(self.totals.classes),
      "balances": .bool(self.totals.balances),
    ]
  }

  private struct Key: Hashable {
    let classID: Int64
    let kind: Finding.Kind

    init(_ finding: Finding) {
      self.classID = finding.classID
      self.kind = finding.kind
    }
  }

  private func outcome(_ line: Line) -> String {
    guard let left = self.left else { return "found" }
    guard left.contains(where: { Key($0) == Key(line.finding) }) else { return "mended" }
    return line.repairs.isEmpty ? "for a person" : "not mended"
  }

  private static func text(_ repairs: [Repair]) -> String {
    repairs.isEmpty ? "-" : repairs.map(\.rawValue).joined(separator: ", ")
  }
}
