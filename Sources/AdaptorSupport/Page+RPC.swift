import Contracts
import Kernel

extension CommonV1.PageRequest {
  package init(_ page: PageRequest) {
    self.init(
      number: Int32(clamping: page.number), size: Int32(clamping: page.size),
      sort: page.sort.map { CommonV1.SortKey(field: $0.field, descending: $0.descending) },
      after: page.after)
  }
}

extension PageRequest {
  /// A missing page is the first one; a size of 0 is the default.
  ///
  /// - Throws: ``Problem`` invalid.
  package init(_ page: CommonV1.PageRequest?) throws(Problem) {
    let page = page ?? CommonV1.PageRequest()
    try self.init(
      number: Int(page.number), size: page.size == 0 ? Self.defaultSize : Int(page.size),
      sort: page.sort.map { SortKey(field: $0.field, descending: $0.descending) },
      after: page.after)
  }
}

extension Money {
  /// - Parameter field: what the caller calls it.
  /// - Throws: ``Problem`` invalid.
  package init(won: Int64, field: String) throws(Problem) {
    do {
      try self.init(won: won)
    } catch {
      throw .invalid([FieldProblem(field, error.reason)])
    }
  }
}

extension IdempotencyKey {
  /// An empty text is no key.
  ///
  /// - Throws: ``Problem`` invalid.
  package static func optional(_ text: String) throws(Problem) -> IdempotencyKey? {
    guard !text.isEmpty else { return nil }
    do {
      return try IdempotencyKey(text)
    } catch {
      throw .invalid([FieldProblem("idempotency_key", error.reason)])
    }
  }
}
