import AdaptorTestSupport
import AlertAdaptors
import AlertCore
import Contracts
import EventLog
import FramedRPC
import HTTPClientKit
import JSON
import Kernel
import RESTSupport

/// Alert on SQLite, reached in one of the three ways.
struct AlertHarness {
  let harness: ContextHarness
  let application: AlertApplication

  init() throws {
    self.harness = try ContextHarness(source: "alert", migrations: SQLAlertStore.migrations)
    self.application = AlertApplication(store: SQLAlertStore(self.harness.context))
  }

  /// Runs `body` with the port as its callers reach it.
  func with(
    _ way: Way, _ body: @escaping @Sendable (any AlertPort) async throws -> Void
  ) async throws {
    let application = self.application
    switch way {
    case .application:
      try await body(application)
    case .rpc:
      let service = AlertV1.AlertService.register(AlertRPCAdaptor(port: application))
      try await self.harness.withRPC([service]) {
        try await body(AlertRPCClient($0, timeout: ContextHarness.patience))
      }
    case .rest:
      try await self.withHTTP { try await body(RESTAlertPort(http: $0)) }
    }
  }

  func withHTTP(_ body: @escaping @Sendable (HTTPClient) async throws -> Void) async throws {
    let application = self.application
    try await self.harness.withREST(
      { [AlertRESTAdaptor(port: application, links: $0)] }, body)
  }

  func tell(
    _ events: [EventsV1.Event], _ delivery: EventPath = .throughInbox
  ) async throws {
    let handlers = AlertEventAdaptor.sources.map { AlertEventAdaptor(source: $0) }
    try await self.harness.tell(events, to: handlers, delivery)
  }

  func send(_ sender: any AlertSender, atMost count: Int = 100) async throws -> Settlement {
    try await SendAlerts(store: SQLAlertStore(self.harness.context), sender: sender)
      .perform(at: self.harness.clock.now(), atMost: count)
  }
}

/// Alert's port as a REST client sees it: without the event's id, which is ours.
struct RESTAlertPort: AlertPort {
  let http: HTTPClient

  func alert(_ id: AlertID, by caller: Caller) async throws -> Alert {
    try Self.alert(try await self.http.by(caller).resource("/alerts/\(id)"))
  }

  func alerts(_ page: PageRequest, by caller: Caller) async throws -> Page<Alert> {
    try await self.http.by(caller).page("/alerts", page, items: "alerts", Self.alert)
  }

  func alerts(of recipient: String, _ page: PageRequest, by caller: Caller) async throws -> Page<
    Alert
  > {
    try await self.http.by(caller).page(
      "/alerts/search/findByRecipient?recipient=\(recipient)", page, items: "alerts", Self.alert)
  }

  private static func alert(_ json: JSONValue) throws -> Alert {
    Alert(
      id: AlertID(try json.selfID()),
      content: AlertContent(
        key: AlertKey(
          eventID: "", recipient: try json.text("recipient"),
          channel: try json.value("channel", AlertChannel.init(rawValue:))),
        classID: try json.nullableInteger("classId").map { ClassID($0) },
        eventType: try json.text("eventType"), message: try json.text("message"),
        createdAt: try json.value("createdAt", Timestamp.init(rfc3339:))),
      status: try json.value("status", Alert.Status.init(rawValue:)))
  }
}
