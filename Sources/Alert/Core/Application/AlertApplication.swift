import Kernel

/// Alert as its callers see it.
package struct AlertApplication: AlertPort {
  private let store: any AlertStore

  package init(store: any AlertStore) {
    self.store = store
  }

  package func alert(_ id: AlertID, by caller: Caller) async throws -> Alert {
    guard let alert = try await self.store.alert(id), caller.owns(alert.content.key.recipient)
    else {
      throw AlertError.notFound(id)
    }
    return alert
  }

  package func alerts(_ page: PageRequest, by caller: Caller) async throws -> Page<Alert> {
    guard let owner = caller.onlyOwner else { return try await self.store.alerts(page) }
    return try await self.store.alerts(of: owner, page)
  }

  package func alerts(of recipient: String, _ page: PageRequest, by caller: Caller) async throws
    -> Page<Alert>
  {
    let recipient = recipient.normalized
    try caller.requireOwner(recipient, of: "the alerts of another student")
    return try await self.store.alerts(of: recipient, page)
  }
}
