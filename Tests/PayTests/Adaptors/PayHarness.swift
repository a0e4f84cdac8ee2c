import AdaptorTestSupport
import Contracts
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import PayAdaptors
import PayCore
import RESTSupport

/// Pay on SQLite, reached in one of the three ways.
struct PayHarness {
  let harness: ContextHarness
  let application: PayApplication

  init(limitWon: Int64 = PaymentPolicy.defaultLimitWon) throws {
    self.harness = try ContextHarness(source: "pay", migrations: SQLPayStore.migrations)
    self.application = PayApplication(
      store: SQLPayStore(self.harness.context),
      policy: PaymentPolicy(limit: try Money(won: limitWon)))
  }

  /// Runs `body` with the port as its callers reach it.
  func with(
    _ way: Way, _ body: @escaping @Sendable (any PayPort) async throws -> Void
  ) async throws {
    let application = self.application
    switch way {
    case .application:
      try await body(application)
    case .rpc:
      let service = PayV1.PayService.register(PayRPCAdaptor(port: application))
      try await self.harness.withRPC([service]) {
        try await body(PayRPCClient($0, timeout: ContextHarness.patience))
      }
    case .rest:
      try await self.withHTTP { try await body(RESTPayPort(http: $0, commands: application)) }
    }
  }

  func withHTTP(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
    let application = self.application
    try await self.harness.withREST(
      { [PayRESTAdaptor(port: application, links: $0)] }, body)
  }

  static func command(
    class classID: Int64 = 1, fee: Int64 = 10_000, student: String = "john-doe"
  ) throws -> ApprovePayment {
    ApprovePayment(
      classID: ClassID(classID), courseID: CourseID(7), fee: try Money(won: fee),
      student: student, textBook: "kor_book")
  }
}

/// Pay's port as a REST client sees it; money moves by other means there (trap T24).
struct RESTPayPort: PayPort {
  let http: HTTPClient
  let commands: any PayPort

  func approve(_ command: ApprovePayment, by caller: Caller) async throws -> PaymentDecision {
    try await self.commands.approve(command, by: caller)
  }

  func refund(_ classID: ClassID, by caller: Caller) async throws -> Payment {
    try await self.commands.refund(classID, by: caller)
  }

  func payment(_ id: PaymentID, by caller: Caller) async throws -> Payment {
    try Self.payment(try await self.http.by(caller).resource("/payments/\(id)"))
  }

  func payments(_ page: PageRequest, by caller: Caller) async throws -> Page<Payment> {
    try await self.http.by(caller).page("/payments", page, items: "payments", Self.payment)
  }

  func payments(of classID: ClassID, by caller: Caller) async throws -> [Payment] {
    try await self.http.by(caller).list(
      "/payments/search/findByClassId?classId=\(classID)", items: "payments", Self.payment)
  }

  private static func payment(_ json: JSONValue) throws -> Payment {
    Payment(
      id: PaymentID(try json.selfID()), classID: ClassID(try json.integer("classId")),
      courseID: CourseID(try json.integer("courseId")),
      fee: try Money(won: json.integer("fee")), student: try json.text("student"),
      textBook: try json.text("textBook"),
      status: try json.value("status", Payment.Status.init(rawValue:)))
  }
}
