/// The end of a SELECT that answers one page: ORDER BY, LIMIT and OFFSET.
///
/// Field names come from the caller of an API and become SQL only through an allow-list. The id is
/// always the last sort key, so that rows that are equal in the others do not change places
/// between two pages.
package struct PageQuery: Hashable, Sendable {
  /// To be appended to a SELECT: ` ORDER BY "fee" DESC, "id" ASC LIMIT ? OFFSET ?`.
  package let suffix: String
  /// The values of the two `?`, to be appended to the arguments of the SELECT.
  package let arguments: [SQLValue]

  /// - Parameters:
  ///   - columns: what the list may be sorted by: the field's name in the API to the column.
  ///   - id: the column that is unique in the list.
  ///   - sort: most important first; a field named again changes nothing.
  /// - Throws: ``StorageError/unknownSortField(name:allowed:)``.
  package init(
    columns: [String: String], id: String = "id",
    sort: [(field: String, descending: Bool)] = [], limit: Int, offset: Int
  ) throws(StorageError) {
    precondition(limit >= 0 && offset >= 0, "limit \(limit), offset \(offset)")
    var terms: [String] = []
    var sorted: Set<String> = []
    for key in sort {
      guard let column = columns[key.field] else {
        throw .unknownSortField(name: key.field, allowed: columns.keys.sorted())
      }
      guard sorted.insert(column).inserted else { continue }
      terms.append(PageQuery.term(column, descending: key.descending))
    }
    if !sorted.contains(id) { terms.append(PageQuery.term(id, descending: false)) }
    self.suffix = " ORDER BY \(terms.joined(separator: ", ")) LIMIT ? OFFSET ?"
    self.arguments = [.integer(Int64(limit)), .integer(Int64(offset))]
  }

  private static func term(_ column: String, descending: Bool) -> String {
    "\"\(column)\" \(descending ? "DESC" : "ASC")"
  }
}
