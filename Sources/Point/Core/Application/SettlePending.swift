import Kernel

/// Grants pending points once their gifts are given (R13).
///
/// This is the only place that asks for gifts. It runs after each payment and again while Gift is
/// down, so a gift that could not be given is given by itself later (W19).
package struct SettlePending: Sendable {
  /// Gifts asked for at the same time.
  package static let concurrentGiftsMax = 64

  private let store: any PointStore
  private let gateway: any GiftGateway

  package init(store: any PointStore, gateway: any GiftGateway) {
    self.store = store
    self.gateway = gateway
  }

  /// - Parameter count: Most points to settle.
  package func perform(atMost count: Int) async throws -> Settlement {
    let pending = try await self.store.pendingPoints(atMost: count)
    let outcomes = await pending.concurrentMap(atMost: Self.concurrentGiftsMax) {
      await self.settle($0)
    }
    return Settlement(of: outcomes)
  }

  /// No transaction is open while the gift is asked for (traps T1, T42).
  private func settle(_ pending: PendingPoint) async -> Bool {
    let (point, cause) = (pending.point, pending.cause)
    let answer = await self.gateway.give(point.paid, because: cause)
    // An error of the store leaves the points pending, as a missing answer does.
    let isSettled = try? await self.store.transact(because: cause) { tx in
      let isSettled = try Self.finish(point.paid, answer, in: tx)
      CrashPoint.reached(.grantCommits)
      return isSettled
    }
    CrashPoint.reached(.granted)
    return isSettled ?? false
  }

  /// Meanwhile the points may have been canceled; then they stay so, and Gift hears of it.
  private static func finish(
    _ paid: PaidFee, _ answer: GiftAnswer, in tx: any PointTransaction
  ) throws -> Bool {
    guard var point = try tx.point(of: paid.paymentID) else { return true }
    switch answer {
    case .given:
      if let registered = point.grant() {
        try tx.record(.pointRegistered(registered))
      }
    case .revoked:
      if let canceled = point.cancel() {
        try tx.record(.pointCanceled(canceled))
      }
    case .unknown:
      break
    }
    return point.status != .pending
  }
}
