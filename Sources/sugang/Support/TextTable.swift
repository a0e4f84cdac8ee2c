/// Columns that line up.
struct TextTable {
  enum Alignment {
    case left
    case right
  }

  private let alignments: [Alignment]
  private var rows: [[String]]

  init(_ columns: (title: String, alignment: Alignment)...) {
    self.alignments = columns.map(\.alignment)
    self.rows = [columns.map(\.title)]
  }

  mutating func add(_ cells: String...) {
    self.add(cells)
  }

  mutating func add(_ cells: [String]) {
    self.rows.append(cells)
  }

  var text: String {
    let widths = self.alignments.indices.map { column in
      self.rows.map { $0[column].count }.max() ?? 0
    }
    return self.rows.map { row in
      let cells = row.indices.map { column in
        let blanks = String(repeating: " ", count: widths[column] - row[column].count)
        return self.alignments[column] == .left ? row[column] + blanks : blanks + row[column]
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }
}
