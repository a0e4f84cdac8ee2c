import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import GiftAdaptors
import GiftCore
import HTTPClientKit
import JSON
import Kernel
import RESTSupport
import Storage
import Testing

/// Gift on SQLite, reached in one of the three ways.
struct GiftHarness {
  let harness: ContextHarness
  let application: GiftApplication

  init() throws {
    self.init(try ContextHarness(source: "gift", migrations: SQLGiftStore.migrations))
  }

  /// On a database of before the ledger.
  init(filledBy sql: String) async throws {
    self.init(
      try await ContextHarness(
        source: "gift", migrations: SQLGiftStore.migrations,
        without: ([SQLGiftLedger.migration] + SQLGiftLedger.chaining).map(\.name), filledBy: sql))
  }

  private init(_ harness: ContextHarness) {
    self.harness = harness
    self.application = GiftApplication(store: SQLGiftStore(self.harness.context))
  }

  /// Gift as it follows Point's feed.
  var handler: GiftEventAdaptor { GiftEventAdaptor(self.harness.context, source: "point") }

  /// Runs `body` with the port as its callers reach it.
  func with(
    _ way: Way, _ body: @escaping @Sendable (any GiftPort) async throws -> Void
  ) async throws {
    let application = self.application
    switch way {
    case .application:
      try await body(application)
    case .rpc:
      let service = GiftV1.GiftService.register(GiftRPCAdaptor(port: application))
      try await self.harness.withRPC([service]) {
        try await body(GiftRPCClient($0, timeout: ContextHarness.patience))
      }
    case .rest:
      try await self.withHTTP { try await body(RESTGiftPort(http: $0, commands: application)) }
    }
  }

  func withHTTP(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
    let application = self.application
    try await self.harness.withREST(
      { [GiftRESTAdaptor(port: application, links: $0)] }, body)
  }

  func tell(
    _ events: [EventsV1.Event], _ delivery: EventPath = .throughInbox
  ) async throws {
    let handlers = GiftEventAdaptor.sources.map {
      GiftEventAdaptor(self.harness.context, source: $0)
    }
    try await self.harness.tell(events, to: handlers, delivery)
  }

  /// Payment n is for class n.
  static func command(
    payment id: Int64 = 1, fee: Int64 = 10_000, student: String = "john-doe"
  ) throws -> GiveGift {
    GiveGift(
      paymentID: PaymentID(id), classID: ClassID(id), fee: try Money(won: fee), student: student)
  }

  static func pointCanceled(
    _ sequence: Int64, payment id: Int64 = 1, student: String = "john-doe"
  ) throws -> EventsV1.Event {
    try .told(
      "point", sequence, about: id,
      PointV1.PointCanceled(
        id: id, classID: id, paymentID: id, fee: 10_000, student: student, cashpoint: 0))
  }

  /// A line of the ledger for the gift of ``command(payment:fee:student:)``, the harness's clock
  /// standing still, as one of the three ways shows it.
  static func entry(
    _ sequence: Int64, _ kind: GiftEntry.Kind, _ gifts: Int32, gift id: Int64 = 1,
    payment paymentID: Int64 = 1, through way: Way = .application
  ) throws -> PostedGiftEntry {
    let entry = GiftEntry(
      giftID: GiftID(id), paymentID: PaymentID(way == .rest ? 0 : paymentID),
      classID: ClassID(paymentID), kind: kind, gifts: gifts)
    return PostedGiftEntry(
      sequence: sequence, entry: try #require(entry), at: ManualWallClock().now())
  }

  /// The gift of ``command(payment:fee:student:)``, as one of the three ways shows it.
  static func gift(
    _ id: Int64 = 1, payment paymentID: Int64 = 1, fee: Int64 = 10_000,
    is status: Gift.Status = .granted, through way: Way = .application
  ) throws -> Gift {
    Gift(
      id: GiftID(id), paymentID: PaymentID(way == .rest ? 0 : paymentID),
      classID: ClassID(paymentID), fee: try Money(won: fee), student: "john-doe",
      status: status)
  }
}

/// Gift's port as a REST client sees it: without the payment, and without a way to give (trap T25).
struct RESTGiftPort: GiftPort {
  let http: HTTPClient
  let commands: any GiftPort

  func give(_ command: GiveGift, by caller: Caller) async throws -> GiftDecision {
    try await self.commands.give(command, by: caller)
  }

  func gift(_ id: GiftID, by caller: Caller) async throws -> Gift {
    try Self.gift(try await self.http.by(caller).resource("/gifts/\(id)"))
  }

  func gifts(_ page: PageRequest, by caller: Caller) async throws -> Page<Gift> {
    try await self.http.by(caller).page("/gifts", page, items: "gifts", Self.gift)
  }

  func gift(of classID: ClassID, by caller: Caller) async throws -> Gift {
    try Self.gift(
      try await self.http.by(caller).resource("/gifts/search/findByClassId?classId=\(classID)"))
  }

  func balance(of student: String, by caller: Caller) async throws -> Int64 {
    let balance = try await self.http.by(caller).resource(
      "/gifts/search/balance" + student.query("student"))
    guard try balance.text("student") == student else {
      throw balance.unexpected(wanted: "student \(student)")
    }
    return try balance.integer("giftstock")
  }

  func entries(
    of classID: ClassID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<PostedGiftEntry> {
    try await self.http.by(caller).page(
      "/gifts/search/findEntriesByClassId?classId=\(classID)", page, items: "giftEntries",
      Self.entry)
  }

  private static func entry(_ json: JSONValue) throws -> PostedGiftEntry {
    guard let gifts = Int32(exactly: try json.integer("gifts")),
      let entry = GiftEntry(
        giftID: GiftID(try json.linkedID("gift")), paymentID: PaymentID(0),
        classID: ClassID(try json.integer("classId")),
        kind: try json.value("kind", GiftEntry.Kind.init), gifts: gifts)
    else { throw json.unexpected(wanted: "gifts with the sign of their kind") }
    return PostedGiftEntry(
      sequence: try json.integer("sequence"), entry: entry,
      at: try json.value("at") { Timestamp(rfc3339: $0) })
  }

  private static func gift(_ json: JSONValue) throws -> Gift {
    let giftstock = try json.integer("giftstock")
    let gift = Gift(
      id: GiftID(try json.selfID()), paymentID: PaymentID(0),
      classID: ClassID(try json.integer("classId")), fee: try Money(won: json.integer("fee")),
      student: try json.text("student"), status: giftstock == 0 ? .revoked : .granted)
    guard Int64(gift.giftstock) == giftstock else {
      throw json.unexpected(wanted: "giftstock \(gift.giftstock)")
    }
    return gift
  }
}
