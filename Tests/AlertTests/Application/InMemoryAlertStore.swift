import AdaptorTestSupport
import AlertCore
import Kernel
import Synchronization

/// Alert's store without a disk. A transaction works on a copy, which is kept when it succeeds.
final class InMemoryAlertStore: AlertStore {
  private let contents = Mutex<[AlertID: Alert]>([:])

  func transact<Answer: Sendable>(
    _ work: @escaping @Sendable (any AlertTransaction) throws -> Answer
  ) async throws -> Answer {
    try self.contents.withLock { contents in
      let transaction = InMemoryAlertTransaction(contents)
      let answer = try work(transaction)
      contents = transaction.contents
      return answer
    }
  }

  func alert(_ id: AlertID) async throws -> Alert? { self.all.first { $0.id == id } }

  func alerts(_ page: PageRequest) async throws -> Page<Alert> {
    self.page(page, of: self.all)
  }

  func alerts(of recipient: String, _ page: PageRequest) async throws -> Page<Alert> {
    self.page(page, of: self.all.filter { $0.content.key.recipient == recipient })
  }

  func newAlerts(atMost count: Int) async throws -> [Alert] {
    Array(self.all.filter { $0.status == .new }.prefix(count))
  }

  private var all: [Alert] {
    self.contents.withLock { $0.values.sorted { $0.id < $1.id } }
  }

  private func page(_ page: PageRequest, of alerts: [Alert]) -> Page<Alert> {
    Page(page, of: alerts)
  }
}

private final class InMemoryAlertTransaction: AlertTransaction {
  var contents: [AlertID: Alert]

  init(_ contents: [AlertID: Alert]) {
    self.contents = contents
  }

  func nextAlertID() -> AlertID { AlertID((self.contents.keys.max()?.value ?? 0) + 1) }

  func alert(_ key: AlertKey) -> Alert? {
    self.contents.values.first { $0.content.key == key }
  }

  func save(_ alert: Alert) { self.contents[alert.id] = alert }
}
