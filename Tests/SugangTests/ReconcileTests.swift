import Contracts
import JSON
import Testing

@testable import sugang

@Suite("What the books of the services do not agree on")
struct ReconcileTests {
  private static let second: Int64 = 1_000_000
  private static let now = 1_000 * second

  /// A class as it should be, 100 seconds old.
  private static func registered() -> ClassBooks {
    var books = ClassBooks(7)
    books.enrollment = .init(
      id: 7, courseID: 3, fee: 10_000, student: "kim", textBook: "book", status: "REGISTERED",
      acceptedAtUs: Self.now - 100 * Self.second)
    books.payments = [
      .init(
        id: 5, classID: 7, courseID: 3, fee: 10_000, student: "kim", status: "PAYMENT_COMPLETED",
        textBook: "book")
    ]
    books.deliveries = [.init(id: 1, classID: 7, paymentID: 5, status: "DELIVERY_START")]
    books.points = [.init(id: 1, classID: 7, cashpoint: 100, paymentID: 5, status: "GRANTED")]
    books.gifts = [.init(id: 1, classID: 7, giftstock: 1, paymentID: 5, status: "GRANTED")]
    books.rows = [
      .init(
        classID: 7, paymentID: 5, student: "kim", status: "CLASS_START",
        paymentStatus: "PAYMENT_COMPLETED", deliveryStatus: "DELIVERY_START", cashpoint: 100,
        giftstock: 1)
    ]
    return books
  }

  private static func canceled() -> ClassBooks {
    var books = Self.registered()
    books.enrollment?.status = "CANCELED"
    books.payments[0].status = "CANCEL"
    books.deliveries[0].status = "DELIVERY_CANCEL"
    books.points[0].cashpoint = 0
    books.gifts[0].giftstock = 0
    books.rows[0].status = "CLASS_CANCELED"
    books.rows[0].paymentStatus = "PAYMENT_CANCELED"
    books.rows[0].deliveryStatus = "DELIVERY_CANCELED"
    books.rows[0].cashpoint = 0
    books.rows[0].giftstock = 0
    return books
  }

  private static func kinds(_ books: ClassBooks) -> [Finding.Kind] {
    books.findings(at: Self.now, pendingLimit: 60 * Self.second).map(\.kind)
  }

  @Test("nothing is found in what is as it should be")
  func fine() {
    #expect(Self.kinds(Self.registered()).isEmpty)
    #expect(Self.kinds(Self.canceled()).isEmpty)
    #expect(Self.kinds(ClassBooks(1)).isEmpty)
    var free = Self.registered()
    free.enrollment?.fee = 0
    free.payments[0].fee = 0
    free.payments[0].textBook = ""
    free.deliveries = []
    free.points = []
    free.gifts = []
    free.rows[0].deliveryStatus = nil
    free.rows[0].cashpoint = nil
    free.rows[0].giftstock = nil
    #expect(Self.kinds(free).isEmpty)
    var failed = ClassBooks(7)
    failed.enrollment = .init(id: 7, status: "PAYMENT_FAILED")
    #expect(Self.kinds(failed).isEmpty)
    var pending = Self.registered()
    pending.enrollment?.status = "PENDING"
    pending.enrollment?.acceptedAtUs = Self.now - 60 * Self.second
    #expect(Self.kinds(pending).isEmpty)
  }

  @Test("I2: each kind of wrong money is found, with what mends it")
  func money() {
    let cases: [(Finding.Kind, [Repair], (inout ClassBooks) -> Void)] = [
      (.orphanPayment, [.refund, .tellClass], { $0.enrollment?.status = "CANCELED" }),
      (.orphanPayment, [.refund, .tellClass], { $0.enrollment?.status = "PAYMENT_FAILED" }),
      (.orphanPayment, [.refund], { $0.enrollment = nil }),
      // Pay has lost a payment: nobody pays twice.
      (.unpaidClass, [], { $0.payments = [] }),
      (
        .unpaidClass, [.settle],
        {
          $0.payments = []
          $0.deliveries = []
          $0.points = []
          $0.gifts = []
        }
      ),
      (.refundedClass, [.tellPayment], { $0.payments[0].status = "CANCEL" }),
      (.stalePending, [.settle], { $0.enrollment?.status = "PENDING" }),
      (.doublePayment, [], { $0.payments.append($0.payments[0]) }),
      (.mismatch, [], { $0.payments[0].fee = 1 }),
      (.mismatch, [], { $0.payments[0].courseID = 1 }),
      (.mismatch, [], { $0.payments[0].student = "lee" }),
    ]
    for (kind, repairs, change) in cases {
      var books = Self.registered()
      change(&books)
      let findings = books.findings(at: Self.now, pendingLimit: 60 * Self.second)
      #expect(findings.map(\.kind) == [kind])
      #expect(findings.flatMap { Repair.of($0, in: books) } == repairs, "\(kind)")
    }
  }

  @Test("I4, I5, I7: what should follow and has not, and what is left")
  func effects() {
    let registered: [(Finding.Kind, (inout ClassBooks) -> Void)] = [
      (.deliveryMissing, { $0.deliveries = [] }),
      (.deliveryLeft, { $0.deliveries.append(.init(paymentID: 4, status: "DELIVERY_START")) }),
      (.pointsMissing, { $0.points[0].cashpoint = 99 }),
      (.pointsLeft, { $0.points.append(.init(cashpoint: 7, paymentID: 4)) }),
      (.giftLeft, { $0.gifts.append($0.gifts[0]) }),
      (.myPageWrong, { $0.rows = [] }),
      (.myPageWrong, { $0.rows[0].student = "lee" }),
      (.myPageWrong, { $0.rows[0].giftstock = 2 }),
    ]
    for (kind, change) in registered {
      var books = Self.registered()
      change(&books)
      #expect(Self.kinds(books).first == kind, "\(kind)")
    }
    let canceled: [(Finding.Kind, (inout ClassBooks) -> Void)] = [
      (.deliveryLeft, { $0.deliveries[0].status = "DELIVERY_START" }),
      (.pointsLeft, { $0.points[0].cashpoint = 100 }),
      (.giftLeft, { $0.gifts[0].giftstock = 1 }),
      (.myPageWrong, { $0.rows[0].status = "CLASS_START" }),
      (.myPageWrong, { $0.rows[0].paymentStatus = "PAYMENT_COMPLETED" }),
    ]
    for (kind, change) in canceled {
      var books = Self.canceled()
      change(&books)
      #expect(Self.kinds(books).first == kind, "\(kind)")
    }
  }

  @Test("six books are joined class by class, whatever pages they come in")
  func join() async throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      func ids() -> [Int64] { (1...20).filter { _ in Bool.random(using: &random) } }
      func cursor<Row>(_ rows: [Row], by id: @escaping (Row) -> Int64) -> BookCursor<Row> {
        var rest = rows
        let size = Int.random(in: 1...7, using: &random)
        return BookCursor(by: id) {
          guard !rest.isEmpty else { return nil }
          defer { rest.removeFirst(min(size, rest.count)) }
          return Array(rest.prefix(size))
        }
      }
      let (classes, payments, points) = (ids(), (ids() + ids()).sorted(), ids())
      var books = BooksCursor(
        enrollments: cursor(classes.map { EnrollmentRow(id: $0) }, by: \.id),
        payments: cursor(payments.map { PaymentRow(classID: $0) }, by: \.classID),
        deliveries: cursor([], by: \.classID),
        points: cursor(points.map { PointRow(classID: $0) }, by: \.classID),
        gifts: cursor([], by: \.classID), rows: cursor([], by: \.classID))
      var seen: [Int64] = []
      while let found = try await books.next() {
        seen.append(found.classID)
        #expect((found.enrollment != nil) == classes.contains(found.classID))
        #expect(found.payments.count == payments.count { $0 == found.classID })
        #expect(found.points.count == points.count { $0 == found.classID })
      }
      #expect(seen == Set(classes + payments + points).sorted())
    }
  }

  @Test("the money adds up to what the classes cost, or the report says so")
  func totals() {
    var totals = MoneyTotals()
    totals.add(Self.registered())
    totals.add(Self.canceled())
    var pending = Self.registered()
    pending.enrollment?.status = "PENDING"
    totals.add(pending)
    #expect(totals.captured == 20_000)
    #expect(totals.registered == 10_000)
    #expect(totals.pending == 10_000)
    #expect(totals.refunded == 10_000)
    #expect(totals.balances)
    var orphan = Self.registered()
    orphan.enrollment = nil
    totals.add(orphan)
    #expect(!totals.balances)
    let finding = Finding(classID: 7, kind: .orphanPayment, detail: "payment 5")
    let line = ReconcileReport.Line(finding: finding, cause: "unknown", repairs: [.refund])
    let found = ReconcileReport(lines: [line], totals: totals, left: nil)
    #expect(found.text.contains("captured 30000 won ≠ registered 10000 + pending 10000"))
    let mended = ReconcileReport(lines: [line], totals: totals, left: [])
    #expect(mended.json["findings"]?.array?.first?["outcome"] == "mended")
    let left = ReconcileReport(lines: [line], totals: totals, left: [finding])
    #expect(left.json["findings"]?.array?.first?["outcome"] == "not mended")
    #expect(left.json["left"]?.array?.count == 1)
  }
}
