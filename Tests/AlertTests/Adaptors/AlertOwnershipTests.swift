import AdaptorTestSupport
import AlertCore
import Kernel
import Testing

@Suite("T22: whose alerts Alert's port shows")
struct AlertOwnershipTests {
  /// Whom ``AlertStory`` sends alerts to.
  private static let reader = Caller(
    Subject(name: "john-doe", roles: [.student]), requestID: "request-j")

  @Test("who got an alert sees it, an operator sees all", arguments: Way.allCases)
  func reads(_ way: Way) async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.payments())
    let page = try PageRequest()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await alert.with(way) { (port: any AlertPort) async throws -> Void in
        #expect(
          try await port.alert(AlertID(1), by: Self.reader).content.key.recipient == "john-doe")
        let hidden = await problem { try await port.alert(AlertID(1), by: .studentA) }
        #expect(hidden?.kind == .notFound)
        #expect(try await port.alerts(page, by: Self.reader).totalElements == 3)
        #expect(try await port.alerts(page, by: .studentA).totalElements == 0)
        #expect(try await port.alerts(page, by: .admin).totalElements == 3)
        #expect(try await port.alerts(of: "john-doe", page, by: Self.reader).totalElements == 3)
        let others = await problem { try await port.alerts(of: "john-doe", page, by: .studentA) }
        #expect(others?.code == "not-owner")
      }
    }
  }
}
