import Kernel

extension Page {
  /// The page of all the items that a store in memory has, in their order.
  package init(_ request: PageRequest, of all: [Item]) {
    self.init(
      items: Array(all.dropFirst(request.offset).prefix(request.size)), totalElements: all.count,
      request: request)
  }
}
