import Contracts
import FramedRPC
import SugangServices

typealias EnrollmentRow = EnrollmentV1.Enrollment
typealias PaymentRow = PayV1.Payment
typealias DeliveryRow = CourseV1.Delivery
typealias PointRow = PointV1.Point
typealias GiftRow = GiftV1.Gift
typealias MyPageRow = MypageV1.InquiryMypage

/// What the services have written down about the classes.
protocol Books {
  /// From the first class to the last. Rows that change meanwhile may be seen before or after.
  func cursor() -> BooksCursor

  /// The class as it is now in each book, the causes before what follows from them.
  func books(of id: Int64) async throws -> ClassBooks

  /// Asks a service whose book it is.
  ///
  /// - Throws: ``CommandFailure`` that says what to do.
  func ask<Answer>(
    _ service: ServiceName, _ body: (any RPCChannel, CallOptions) async throws -> Answer
  ) async throws -> Answer
}

/// The books of a running system, read by RPC only.
struct RunningBooks: Books {
  /// Rows in one answer of a list.
  private static let pageSize = 1000
  /// How long reading one book to its end may take.
  private static let streamTimeout = Duration.seconds(3600)

  private let doors: [ServiceName: OpenDoor]
  private let options: CallOptions

  init(_ running: RunningServices) throws {
    self.options = running.options
    self.doors = try Dictionary(
      uniqueKeysWithValues: ServiceDoors.withData.map { ($0, try running.doors.open($0)) })
  }

  func close() {
    for door in self.doors.values { door.close() }
  }

  func ask<Answer>(
    _ service: ServiceName,
    _ body: (any RPCChannel, CallOptions) async throws -> Answer
  ) async throws -> Answer {
    guard let door = self.doors[service] else {
      throw CommandFailure("\(service.rawValue) has no books")
    }
    return try await door.call { try await body($0, self.options) }
  }

  // MARK: All classes

  func cursor() -> BooksCursor {
    BooksCursor(
      enrollments: BookCursor(by: \.id, self.enrollmentPages()),
      payments: BookCursor(by: \.classID, self.paymentPages()),
      deliveries: BookCursor(
        by: \.classID,
        self.listed(.course, by: \.classID) {
          try await CourseV1.CourseServiceClient($0).listDeliveries(.init(page: $1), options: $2)
            .deliveries
        }),
      points: BookCursor(
        by: \.classID,
        self.listed(.point, by: \.classID) {
          try await PointV1.PointServiceClient($0).listPoints(.init(page: $1), options: $2).points
        }),
      gifts: BookCursor(
        by: \.classID,
        self.listed(.gift, by: \.classID) {
          try await GiftV1.GiftServiceClient($0).listGifts(.init(page: $1), options: $2).gifts
        }),
      rows: BookCursor(
        by: \.classID,
        self.listed(.mypage, by: \.classID) {
          try await MypageV1.MyPageServiceClient($0)
            .listInquiryMypages(.init(page: $1), options: $2).rows
        }))
  }

  private func enrollmentPages() -> BookCursor<EnrollmentRow>.NextPage {
    var reader: RPCReader<EnrollmentV1.AuditEnrollmentsResponse>?
    return {
      try await self.ask(.class) { channel, _ in
        if reader == nil {
          reader = try await EnrollmentV1.EnrollmentAuditServiceClient(channel).auditEnrollments(
            .init(), options: CallOptions(timeout: Self.streamTimeout))
        }
        return try await reader?.next()?.enrollments
      }
    }
  }

  private func paymentPages() -> BookCursor<PaymentRow>.NextPage {
    var reader: RPCReader<PayV1.AuditPaymentsResponse>?
    return {
      try await self.ask(.pay) { channel, _ in
        if reader == nil {
          reader = try await PayV1.PaymentAuditServiceClient(channel).auditPayments(
            .init(), options: CallOptions(timeout: Self.streamTimeout))
        }
        return try await reader?.next()?.payments
      }
    }
  }

  /// By keyset: what is added or removed meanwhile does not move the rows after it, so that none
  /// is missed and none comes twice.
  private func listed<Row>(
    _ service: ServiceName, by classID: @escaping (Row) -> Int64,
    _ list: @escaping (any RPCChannel, CommonV1.PageRequest, CallOptions) async throws -> [Row]
  ) -> BookCursor<Row>.NextPage {
    var pages = KeysetPages<Row>(by: classID, size: Self.pageSize)
    return {
      try await pages.next { after in
        let page = CommonV1.PageRequest(
          size: Int32(Self.pageSize),
          sort: [CommonV1.SortKey(field: "classId", descending: false)], after: after)
        return try await self.ask(service) { try await list($0, page, $1) }
      }
    }
  }

  // MARK: One class

  func books(of id: Int64) async throws -> ClassBooks {
    var books = ClassBooks(id)
    books.enrollment = try await self.ask(.class) { channel, options in
      try await EnrollmentV1.EnrollmentAuditServiceClient(channel).auditEnrollments(
        .init(afterID: id - 1, throughID: id), options: options
      ).next()?.enrollments.first
    }
    books.payments = try await self.ask(.pay) { channel, options in
      try await PayV1.PaymentAuditServiceClient(channel).auditPayments(
        .init(afterClassID: id - 1, throughClassID: id), options: options
      ).next()?.payments ?? []
    }
    books.deliveries = try await self.ask(.course) {
      try await CourseV1.CourseServiceClient($0).findDeliveries(.init(classID: id), options: $1)
        .deliveries
    }
    books.points = try await self.ask(.point) {
      try await PointV1.PointServiceClient($0).findPoints(.init(classID: id), options: $1).points
    }
    books.gifts = try await self.ask(.gift) { channel, options in
      do {
        let answer = try await GiftV1.GiftServiceClient(channel).findGift(
          .init(classID: id), options: options)
        return answer.gift.map { [$0] } ?? []
      } catch let error as RPCError where error.status == .notFound {
        return []
      }
    }
    books.rows = try await self.ask(.mypage) {
      try await MypageV1.MyPageServiceClient($0).findByClass(.init(classID: id), options: $1).rows
    }
    return books
  }
}
