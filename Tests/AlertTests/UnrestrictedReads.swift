import AlertCore
import Kernel

/// What most tests ask is asked by one who may see everything.
private let anybody = Caller(requestID: "test")

extension AlertPort {
  func alert(_ id: AlertID) async throws -> Alert {
    try await self.alert(id, by: anybody)
  }

  func alerts(_ page: PageRequest) async throws -> Page<Alert> {
    try await self.alerts(page, by: anybody)
  }

  func alerts(of recipient: String, _ page: PageRequest) async throws -> Page<Alert> {
    try await self.alerts(of: recipient, page, by: anybody)
  }
}
