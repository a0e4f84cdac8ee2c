import AdaptorSupport
import AlertCore
import Contracts
import FramedRPC
import Kernel

/// Alert's inbound port, answered by an alert service over the wire.
package struct AlertRPCClient: AlertPort {
  private static let service = "alert"

  private let client: AlertV1.AlertServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = AlertV1.AlertServiceClient(channel)
    self.timeout = timeout
  }

  package func alert(_ id: AlertID, by caller: Caller) async throws -> Alert {
    try await asking(Self.service) {
      let answer = try await self.client.getAlert(
        AlertV1.GetAlertRequest(id: id.value), options: caller.options(timeout: self.timeout))
      return try Alert(try required(answer.alert, "alert"))
    }
  }

  package func alerts(_ page: PageRequest, by caller: Caller) async throws -> Page<Alert> {
    try await asking(Self.service) {
      let answer = try await self.client.listAlerts(
        AlertV1.ListAlertsRequest(page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.alerts.map { try Alert($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }

  package func alerts(of recipient: String, _ page: PageRequest, by caller: Caller) async throws
    -> Page<Alert>
  {
    try await asking(Self.service) {
      let answer = try await self.client.findAlerts(
        AlertV1.FindAlertsRequest(recipient: recipient, page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.alerts.map { try Alert($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }
}
