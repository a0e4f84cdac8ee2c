/// Which part of a collection, and in which order.
package struct PageRequest: Hashable, Sendable {
  /// Items on a page when the caller does not say.
  package static let defaultSize = 20
  /// Most items on a page.
  package static let maxSize = 1000
  /// Highest page number, so that `number * size` stays far from overflow.
  package static let maxNumber = 1_000_000_000
  /// Most sort keys in one request.
  package static let maxSortKeys = 8

  /// From 0.
  package let number: Int
  package let size: Int
  package let sort: [SortKey]
  /// Only what comes after this value of the first sort key, a number that ascends: rows that come
  /// or go meanwhile do not move the pages after it.
  package let after: Int64?

  /// - Throws: ``Problem`` of kind invalid, naming the parameter.
  package init(
    number: Int = 0, size: Int = PageRequest.defaultSize, sort: [SortKey] = [],
    after: Int64? = nil
  ) throws(Problem) {
    guard (0...PageRequest.maxNumber).contains(number) else {
      throw .invalid([.init("page", "must be 0 to \(PageRequest.maxNumber), got \(number)")])
    }
    guard (1...PageRequest.maxSize).contains(size) else {
      throw .invalid([.init("size", "must be 1 to \(PageRequest.maxSize), got \(size)")])
    }
    guard sort.count <= PageRequest.maxSortKeys else {
      throw .invalid([.init("sort", "at most \(PageRequest.maxSortKeys) keys")])
    }
    if after != nil {
      guard number == 0, let first = sort.first, !first.descending else {
        throw .invalid([.init("after", "needs an ascending sort key and page 0")])
      }
    }
    self.number = number
    self.size = size
    self.sort = sort
    self.after = after
  }

  /// Items before this page.
  package var offset: Int { self.number * self.size }
}

/// One `sort=field,asc|desc`.
package struct SortKey: Hashable, Sendable {
  package let field: String
  package let descending: Bool

  package init(field: String, descending: Bool = false) {
    self.field = field
    self.descending = descending
  }
}

/// One page of a collection, and the size of the whole.
package struct Page<Item: Sendable>: Sendable {
  package let items: [Item]
  package let totalElements: Int
  package let request: PageRequest

  package init(items: [Item], totalElements: Int, request: PageRequest) {
    self.items = items
    self.totalElements = totalElements
    self.request = request
  }

  package var totalPages: Int {
    (self.totalElements + self.request.size - 1) / self.request.size
  }

  package func map<Other: Sendable>(
    _ transform: (Item) throws -> Other
  ) rethrows -> Page<Other> {
    Page<Other>(
      items: try self.items.map(transform), totalElements: self.totalElements,
      request: self.request)
  }
}
