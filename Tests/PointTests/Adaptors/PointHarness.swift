import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import PointAdaptors
import PointCore
import RESTSupport
import Storage
import Testing

/// Point on SQLite, reached in one of the three ways, with Gift played by a script.
struct PointHarness {
  let harness: ContextHarness
  let application: PointApplication
  let gifts = ScriptedGiftGateway()

  init() throws {
    self.init(try ContextHarness(source: "point", migrations: SQLPointStore.migrations))
  }

  /// On a database of before the ledger.
  init(filledBy sql: String) async throws {
    self.init(
      try await ContextHarness(
        source: "point", migrations: SQLPointStore.migrations,
        without: ([SQLPointLedger.migration] + SQLPointLedger.chaining).map(\.name), filledBy: sql))
  }

  private init(_ harness: ContextHarness) {
    self.harness = harness
    self.application = PointApplication(store: SQLPointStore(self.harness.context))
  }

  /// Point as it follows Pay's feed.
  var handler: PointEventAdaptor { PointEventAdaptor(self.harness.context, source: "pay") }

  /// Runs `body` with the port as its callers reach it.
  func with(
    _ way: Way, _ body: @escaping @Sendable (any PointPort) async throws -> Void
  ) async throws {
    let application = self.application
    switch way {
    case .application:
      try await body(application)
    case .rpc:
      let service = PointV1.PointService.register(PointRPCAdaptor(port: application))
      try await self.harness.withRPC([service]) {
        try await body(PointRPCClient($0, timeout: ContextHarness.patience))
      }
    case .rest:
      try await self.withHTTP { try await body(RESTPointPort(http: $0)) }
    }
  }

  func withHTTP(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
    let application = self.application
    try await self.harness.withREST(
      { [PointRESTAdaptor(port: application, links: $0)] }, body)
  }

  /// Tells Point that fees were paid, and asks for the gifts.
  func earn(_ events: EventsV1.Event...) async throws {
    try await self.tell(events)
    _ = try await self.settle()
  }

  func tell(
    _ events: [EventsV1.Event], _ delivery: EventPath = .throughInbox
  ) async throws {
    let handlers = PointEventAdaptor.sources.map {
      PointEventAdaptor(self.harness.context, source: $0)
    }
    try await self.harness.tell(events, to: handlers, delivery)
  }

  func settle(_ gateway: (any GiftGateway)? = nil) async throws -> Settlement {
    let settle = SettlePending(
      store: SQLPointStore(self.harness.context), gateway: gateway ?? self.gifts)
    return try await settle.perform(atMost: 100)
  }
}

/// Point's port as a REST client sees it: without the payment, which is nobody's business there.
struct RESTPointPort: PointPort {
  let http: HTTPClient

  func point(_ id: PointID, by caller: Caller) async throws -> Point {
    try Self.point(try await self.http.by(caller).resource("/points/\(id)"))
  }

  func points(_ page: PageRequest, by caller: Caller) async throws -> Page<Point> {
    try await self.http.by(caller).page("/points", page, items: "points", Self.point)
  }

  func points(of classID: ClassID, by caller: Caller) async throws -> [Point] {
    try await self.http.by(caller).list(
      "/points/search/findByClassId?classId=\(classID)", items: "points", Self.point)
  }

  func balance(of student: String, by caller: Caller) async throws -> Int64 {
    let balance = try await self.http.by(caller).resource(
      "/points/search/balance" + student.query("student"))
    guard try balance.text("student") == student else {
      throw balance.unexpected(wanted: "student \(student)")
    }
    return try balance.integer("cashpoint")
  }

  func entries(
    of classID: ClassID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<PostedPointEntry> {
    try await self.http.by(caller).page(
      "/points/search/findEntriesByClassId?classId=\(classID)", page, items: "pointEntries",
      Self.entry)
  }

  private static func entry(_ json: JSONValue) throws -> PostedPointEntry {
    guard
      let entry = PointEntry(
        pointID: PointID(try json.linkedID("point")), paymentID: PaymentID(0),
        classID: ClassID(try json.integer("classId")),
        kind: try json.value("kind", PointEntry.Kind.init), points: try json.integer("points"))
    else { throw json.unexpected(wanted: "points with the sign of their kind") }
    return PostedPointEntry(
      sequence: try json.integer("sequence"), entry: entry,
      at: try json.value("at") { Timestamp(rfc3339: $0) })
  }

  private static func point(_ json: JSONValue) throws -> Point {
    let cashpoint = try json.integer("cashpoint")
    let fee = try Money(won: json.integer("fee"))
    let point = Point(
      id: PointID(try json.selfID()),
      paid: PaidFee(
        paymentID: PaymentID(0), classID: ClassID(try json.integer("classId")), fee: fee,
        student: try json.text("student")),
      status: cashpoint == 0 && fee.won >= Point.wonPerPoint ? .canceled : .granted)
    guard point.cashpoint == cashpoint else {
      throw json.unexpected(wanted: "cashpoint \(point.cashpoint)")
    }
    return point
  }
}

/// The events of Pay, payment n being for class n.
enum PayTells {
  static func approved(
    _ sequence: Int64, payment id: Int64 = 1, fee: Int64 = 10_000, student: String = "john-doe"
  ) throws -> EventsV1.Event {
    try .told(
      "pay", sequence, about: id,
      PayV1.PaymentApproved(
        id: id, classID: id, courseID: 7, fee: fee, student: student,
        status: "PAYMENT_COMPLETED", textBook: "kor_book"))
  }

  static func canceled(
    _ sequence: Int64, payment id: Int64 = 1, fee: Int64 = 10_000, student: String = "john-doe"
  ) throws -> EventsV1.Event {
    try .told(
      "pay", sequence, about: id,
      PayV1.PaymentCanceled(
        id: id, classID: id, courseID: 7, fee: fee, student: student, status: "CANCEL",
        textBook: "kor_book"))
  }

  /// A line of the ledger for ``approved(_:payment:fee:student:)``, the harness's clock standing
  /// still, as one of the three ways shows it.
  static func entry(
    _ sequence: Int64, _ kind: PointEntry.Kind, _ points: Int64, payment id: Int64 = 1,
    through way: Way = .application
  ) throws -> PostedPointEntry {
    let entry = PointEntry(
      pointID: PointID(id), paymentID: PaymentID(way == .rest ? 0 : id), classID: ClassID(id),
      kind: kind, points: points)
    return PostedPointEntry(
      sequence: sequence, entry: try #require(entry), at: ManualWallClock().now())
  }

  /// What Point makes of it, as one of the three ways shows it.
  static func point(
    _ id: Int64 = 1, payment paymentID: Int64 = 1, fee: Int64 = 10_000,
    is status: Point.Status = .granted, through way: Way = .application
  ) throws -> Point {
    Point(
      id: PointID(id),
      paid: PaidFee(
        paymentID: PaymentID(way == .rest ? 0 : paymentID), classID: ClassID(paymentID),
        fee: try Money(won: fee), student: "john-doe"),
      status: status)
  }
}
