import AdaptorSupport
import AdaptorTestSupport
import AlertAdaptors
import AlertCore
import Contracts
import FramedRPC
import Kernel
import Testing

@Suite("Reading alerts off the wire")
struct AlertRPCClientTests {
  private static let good = AlertV1.Alert(
    id: 1, recipient: "hong", channel: "SMS", eventType: "CourseDeleted", message: "gone",
    status: "NEW", createdAt: "2026-03-02T00:00:00Z", eventID: "course-1-1")

  @Test("an alert about a course has no class")
  func noClass() async throws {
    let alert = try await Self.read(Self.good)
    #expect(alert.content.classID == nil)
    #expect(alert.content.key.eventID == "course-1-1")
  }

  @Test("what no alert can be is refused, not guessed at")
  func refuses() async throws {
    var bad = Array(repeating: Self.good, count: 3)
    bad[0].status = "FROM_THE_FUTURE"
    bad[1].channel = "FROM_THE_FUTURE"
    bad[2].createdAt = "20261225000000"
    for message in bad {
      let failure = await #expect(throws: ServiceFailure.self) {
        _ = try await Self.read(message)
      }
      #expect((failure?.error as? RPCError)?.status == .internal)
      #expect(failure?.problem.kind == .failed)
    }
  }

  @Test("an answer without an alert is refused")
  func refusesNothing() async throws {
    let failure = await #expect(throws: ServiceFailure.self) { _ = try await Self.read(nil) }
    #expect((failure?.error as? RPCError)?.status == .internal)
    #expect(failure?.problem.kind == .failed)
  }

  private static func read(_ message: AlertV1.Alert?) async throws -> Alert {
    let service = AlertV1.AlertService.register(StubAlertService(alert: message))
    return try await AlertHarness().harness.withRPC([service]) {
      try await AlertRPCClient($0, timeout: ContextHarness.patience).alert(AlertID(1))
    }
  }
}

/// An alert service that has one answer.
private struct StubAlertService: AlertV1.AlertServiceHandler {
  let alert: AlertV1.Alert?

  func getAlert(
    _ request: AlertV1.GetAlertRequest, _ context: RPCContext
  ) async throws -> AlertV1.GetAlertResponse {
    AlertV1.GetAlertResponse(alert: self.alert)
  }

  func listAlerts(
    _ request: AlertV1.ListAlertsRequest, _ context: RPCContext
  ) async throws -> AlertV1.ListAlertsResponse {
    throw RPCError(.unimplemented, "not asked for")
  }

  func findAlerts(
    _ request: AlertV1.FindAlertsRequest, _ context: RPCContext
  ) async throws -> AlertV1.FindAlertsResponse {
    throw RPCError(.unimplemented, "not asked for")
  }
}
