import JSON
import Kernel

/// One link object.
enum HALLink {
  static func to(_ href: String) -> JSONValue {
    .object(JSONObject([.init("href", .string(href))]))
  }
}

/// Where a list was asked for, below its collection.
struct HALPlace {
  /// Empty for the collection itself, `/search/findByStudent` for a search.
  let path: String
  /// The parameters as they were asked, for `self`.
  let asked: [(name: String, value: String)]
  /// The parameters of the search that its other pages keep.
  let kept: [(name: String, value: String)]
}

/// The links between the pages of a collection.
enum PageLinks {
  /// `first`, `prev`, `next` and `last` with their page numbers; none when one page holds all.
  static func numbers<Item>(of page: Page<Item>) -> [(relation: String, number: Int)] {
    let last = page.totalPages - 1
    guard last > 0 else { return [] }
    let number = page.request.number
    var links = [(relation: "first", number: 0)]
    if number > 0 { links.append(("prev", min(number - 1, last))) }
    if number < last { links.append(("next", number + 1)) }
    links.append(("last", last))
    return links
  }

  static func parameters(
    _ request: PageRequest, number: Int
  ) -> [(name: String, value: String)] {
    [("page", String(number)), ("size", String(request.size))]
      + request.sort.map { ("sort", "\($0.field),\($0.descending ? "desc" : "asc")") }
  }
}
