/// Reads a list by ascending class, each page after the last class of the one before.
///
/// A full page may end within a class. The rest of that class would never come, so its rows are left
/// to the next page, which begins with it.
struct KeysetPages<Row> {
  private let classID: (Row) -> Int64
  private let size: Int
  /// The last class that is read to its end; nil before the first page.
  private var after: Int64?
  private var isOver = false

  /// - Parameter size: Rows in a full page.
  init(by classID: @escaping (Row) -> Int64, size: Int) {
    self.classID = classID
    self.size = size
  }

  /// - Parameter read: The first rows, at most a page of them, of classes after the given one.
  /// - Returns: nil after the last page.
  /// - Throws: ``CommandFailure`` when one class fills a page, which no sound book has; what `read`
  ///   throws.
  mutating func next(_ read: (Int64) async throws -> [Row]) async throws -> [Row]? {
    guard !self.isOver else { return nil }
    var rows = try await read(self.after ?? .min)
    guard let last = rows.last.map(self.classID) else {
      self.isOver = true
      return nil
    }
    guard rows.count >= self.size else {
      self.isOver = true
      return rows
    }
    rows.removeLast(rows.reversed().prefix { self.classID($0) == last }.count)
    guard let whole = rows.last.map(self.classID) else {
      throw CommandFailure("class \(last) has \(self.size) rows or more in one book")
    }
    self.after = whole
    return rows
  }
}
