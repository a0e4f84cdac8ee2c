import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import MyPageAdaptors
import MyPageCore
import RESTSupport
import Testing

/// MyPage on SQLite, reached in one of the three ways.
struct MyPageHarness {
  let harness: ContextHarness
  let application: MyPageApplication

  init() throws {
    self.harness = try ContextHarness(source: "mypage", migrations: SQLMyPageStore.migrations)
    self.application = MyPageApplication(store: SQLMyPageStore(self.harness.context))
  }

  /// Runs `body` with the port as its callers reach it.
  func with(
    _ way: Way, _ body: @escaping @Sendable (any MyPagePort) async throws -> Void
  ) async throws {
    let application = self.application
    switch way {
    case .application:
      try await body(application)
    case .rpc:
      let service = MypageV1.MyPageService.register(MyPageRPCAdaptor(port: application))
      try await self.harness.withRPC([service]) {
        try await body(MyPageRPCClient($0, timeout: ContextHarness.patience))
      }
    case .rest:
      try await self.withHTTP { try await body(RESTMyPagePort(http: $0)) }
    }
  }

  func withHTTP(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
    let application = self.application
    try await self.harness.withREST(
      { [MyPageRESTAdaptor(port: application, links: $0)] }, body)
  }

  func tell(
    _ events: [EventsV1.Event], _ delivery: EventPath = .throughInbox
  ) async throws {
    let handlers = MyPageEventAdaptor.sources.map { MyPageEventAdaptor(source: $0) }
    try await self.harness.tell(events, to: handlers, delivery)
  }
}

/// MyPage's port as a REST client sees it.
struct RESTMyPagePort: MyPagePort {
  let http: HTTPClient

  private static let path = "/inquiryMypages"
  private static let items = "inquiryMypages"

  func row(_ id: InquiryMypageID, by caller: Caller) async throws -> InquiryMypage {
    try Self.row(try await self.http.by(caller).resource("\(Self.path)/\(id)"))
  }

  func rows(_ page: PageRequest, by caller: Caller) async throws -> Page<InquiryMypage> {
    try await self.http.by(caller).page(Self.path, page, items: Self.items, Self.row)
  }

  func rows(of classID: ClassID, by caller: Caller) async throws -> [InquiryMypage] {
    try await self.http.by(caller).list(
      "\(Self.path)/search/findByClassId?classId=\(classID)", items: Self.items, Self.row)
  }

  func rows(ofPayment paymentID: PaymentID, by caller: Caller) async throws -> [InquiryMypage] {
    try await self.http.by(caller).list(
      "\(Self.path)/search/findByPaymentId?paymentId=\(paymentID)", items: Self.items, Self.row)
  }

  func rows(
    ofStudent student: String, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<InquiryMypage> {
    try await self.http.by(caller).page(
      "\(Self.path)/search/findByStudent?student=\(student)", page, items: Self.items, Self.row)
  }

  private static func row(_ json: JSONValue) throws -> InquiryMypage {
    #expect(try json.selfID() == json.integer("classId"))
    return InquiryMypage(
      classID: ClassID(try json.integer("classId")),
      terms: ClassTerms(
        courseID: CourseID(try json.integer("courseId")),
        fee: try Money(won: json.integer("fee")), student: try json.text("student")),
      textBook: try json.optionalText("textBook"),
      status: try json.value("status", ClassStatus.init(rawValue:)),
      paymentID: try json.nullableInteger("paymentId").map { PaymentID($0) },
      paymentStatus: try json.nullableValue("paymentStatus", PaymentStatus.init(rawValue:)),
      deliveryStatus: try json.nullableValue("deliveryStatus", DeliveryStatus.init(rawValue:)),
      pointStatus: try json.nullableValue("pointStatus", PointStatus.init(rawValue:)),
      cashpoint: try json.nullableInteger("cashpoint"),
      giftstock: try json.nullableInteger("giftstock").map { Int32(clamping: $0) },
      heard: Heard())
  }
}

extension InquiryMypage {
  /// The row as its readers see it: what was heard of each source stays with the service.
  var shown: InquiryMypage {
    InquiryMypage(
      classID: self.classID, terms: self.terms, textBook: self.textBook,
      status: self.status, paymentID: self.paymentID, paymentStatus: self.paymentStatus,
      deliveryStatus: self.deliveryStatus, pointStatus: self.pointStatus,
      cashpoint: self.cashpoint, giftstock: self.giftstock, heard: Heard())
  }
}
