import Kernel

/// Alert as its callers see it.
package struct AlertApplication: AlertPort {
  private let store: any AlertStore

  package init(store: any AlertStore) {
    self.store = store
  }

  package func alert(_ id: AlertID) async throws -> Alert {
    guard let alert = try await self.store.alert(id) else { throw AlertError.notFound(id) }
    return alert
  }

  package func alerts(_ page: PageRequest) async throws -> Page<Alert> {
    try await self.store.alerts(page)
  }

  package func alerts(of recipient: String, _ page: PageRequest) async throws -> Page<Alert> {
    try await self.store.alerts(of: recipient.normalized, page)
  }
}
