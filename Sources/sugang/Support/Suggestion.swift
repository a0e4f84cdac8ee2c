/// What somebody who mistyped a name probably meant.
enum Suggestion {
  /// The candidates nearest to `name`: at most three, all as near, and none that is far off.
  static func nearest(to name: String, in candidates: [String]) -> [String] {
    let distances = candidates.map { self.distance(name.lowercased(), $0.lowercased()) }
    guard let best = distances.min(), best <= max(2, name.count / 3) else { return [] }
    let nearest = zip(candidates, distances).filter { $0.1 == best }.map(\.0)
    return Array(nearest.sorted().prefix(3))
  }

  /// Levenshtein's: insertions, deletions and replacements that make one name of the other.
  static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, character) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let replaced = diagonal + (character == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
