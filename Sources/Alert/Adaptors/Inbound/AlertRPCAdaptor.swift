import AdaptorSupport
import AlertCore
import Contracts
import FramedRPC
import Kernel

/// Lets FramedRPC drive Alert's port.
package struct AlertRPCAdaptor: AlertV1.AlertServiceHandler {
  private let port: any AlertPort

  package init(port: any AlertPort) {
    self.port = port
  }

  package func getAlert(
    _ request: AlertV1.GetAlertRequest, _ context: RPCContext
  ) async throws -> AlertV1.GetAlertResponse {
    try await answering {
      let alert = try await self.port.alert(AlertID(request.id), by: Caller(context))
      return AlertV1.GetAlertResponse(alert: AlertV1.Alert(alert))
    }
  }

  package func listAlerts(
    _ request: AlertV1.ListAlertsRequest, _ context: RPCContext
  ) async throws -> AlertV1.ListAlertsResponse {
    try await answering {
      let page = try await self.port.alerts(PageRequest(request.page), by: Caller(context))
      return AlertV1.ListAlertsResponse(
        alerts: page.items.map(AlertV1.Alert.init), total: Int64(page.totalElements))
    }
  }

  package func findAlerts(
    _ request: AlertV1.FindAlertsRequest, _ context: RPCContext
  ) async throws -> AlertV1.FindAlertsResponse {
    try await answering {
      let page = try await self.port.alerts(
        of: request.recipient, PageRequest(request.page), by: Caller(context))
      return AlertV1.FindAlertsResponse(
        alerts: page.items.map(AlertV1.Alert.init), total: Int64(page.totalElements))
    }
  }
}
