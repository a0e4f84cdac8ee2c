/// The rows of one book by ascending class, with one page of them in memory.
struct BookCursor<Row> {
  typealias NextPage = () async throws -> [Row]?

  private let classID: (Row) -> Int64
  private let nextPage: NextPage
  private var page: ArraySlice<Row> = []
  private var isOver = false

  /// - Parameter nextPage: nil after the last page.
  init(by classID: @escaping (Row) -> Int64, _ nextPage: @escaping NextPage) {
    self.classID = classID
    self.nextPage = nextPage
  }

  /// The class of the next row; nil after the last.
  mutating func peek() async throws -> Int64? {
    while self.page.isEmpty, !self.isOver {
      guard let page = try await self.nextPage() else {
        self.isOver = true
        return nil
      }
      self.page = page[...]
    }
    return self.page.first.map(self.classID)
  }

  /// The rows of a class, which must be the next one's or none's.
  mutating func take(of classID: Int64) async throws -> [Row] {
    var rows: [Row] = []
    while try await self.peek() == classID { rows.append(self.page.removeFirst()) }
    return rows
  }
}

/// Six books side by side, class by class: a merge join.
struct BooksCursor {
  var enrollments: BookCursor<EnrollmentRow>
  var payments: BookCursor<PaymentRow>
  var deliveries: BookCursor<DeliveryRow>
  var points: BookCursor<PointRow>
  var gifts: BookCursor<GiftRow>
  var rows: BookCursor<MyPageRow>

  /// nil after the last class.
  mutating func next() async throws -> ClassBooks? {
    let heads = [
      try await self.enrollments.peek(), try await self.payments.peek(),
      try await self.deliveries.peek(), try await self.points.peek(),
      try await self.gifts.peek(), try await self.rows.peek(),
    ]
    guard let id = heads.compactMap(\.self).min() else { return nil }
    var books = ClassBooks(id)
    books.enrollment = try await self.enrollments.take(of: id).first
    books.payments = try await self.payments.take(of: id)
    books.deliveries = try await self.deliveries.take(of: id)
    books.points = try await self.points.take(of: id)
    books.gifts = try await self.gifts.take(of: id)
    books.rows = try await self.rows.take(of: id)
    return books
  }
}
