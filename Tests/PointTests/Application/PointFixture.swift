import Kernel
import PointCore
import Synchronization

/// Point with a store in memory, and Gift played by a script.
struct PointFixture: Sendable {
  let store = InMemoryPointStore()
  let gateway = ScriptedGiftGateway()

  var points: PointApplication { PointApplication(store: self.store) }

  func earn(_ paid: PaidFee) async throws {
    try await self.store.transact(because: Cause(id: "pay-1-1")) { tx in
      try RegisterPoint(for: paid).perform(in: tx)
    }
  }

  func cancel(_ paid: PaidFee) async throws {
    try await self.store.transact(because: Cause(id: "pay-1-2")) { tx in
      try CancelPoint(for: paid).perform(in: tx)
    }
  }

  func settle() async throws -> Settlement {
    try await SettlePending(store: self.store, gateway: self.gateway).perform(atMost: 100)
  }

  static func paid(_ id: Int64 = 5, fee: Int64 = 10_000) throws -> PaidFee {
    PaidFee(
      paymentID: PaymentID(id), classID: ClassID(id + 2), fee: try Money(won: fee),
      student: "john-doe")
  }
}

/// Gift as a script says: gives when the script is over, and remembers every request.
final class ScriptedGiftGateway: GiftGateway {
  typealias Step = @Sendable (PaidFee) async -> GiftAnswer

  private let script = Mutex<[Step]>([])
  private let seen = Mutex<[(paid: PaidFee, cause: Cause)]>([])

  func give(_ paid: PaidFee, because cause: Cause) async -> GiftAnswer {
    self.seen.withLock { $0.append((paid, cause)) }
    let step = self.script.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    return await step?(paid) ?? .given
  }

  func next(_ answer: GiftAnswer) { self.next { _ in answer } }

  func next(_ step: @escaping Step) { self.script.withLock { $0.append(step) } }

  var requests: [PaidFee] { self.seen.withLock { $0.map(\.paid) } }

  /// What each request named as its cause.
  var causes: [String] { self.seen.withLock { $0.map(\.cause.id) } }
}
