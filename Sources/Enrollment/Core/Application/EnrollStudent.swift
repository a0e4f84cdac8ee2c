import Kernel

/// Takes a student in: accept, pay, finish.
///
/// Acceptance is durable before the money is asked for, and no transaction is open meanwhile (trap
/// T1). When the payment's answer does not come, the class stays pending and ``SettlePending``
/// finishes it (trap T2).
package struct EnrollStudent: Sendable {
  private let store: any EnrollmentStore
  private let gateway: any PaymentGateway
  private let catalog: any CourseCatalog
  private let seats: SeatPolicy

  package init(
    store: any EnrollmentStore, gateway: any PaymentGateway, catalog: any CourseCatalog,
    seats: SeatPolicy = .standard
  ) {
    self.store = store
    self.gateway = gateway
    self.catalog = catalog
    self.seats = seats
  }

  package func perform(
    _ command: RegisterClass, as key: CommandKey?, at now: Timestamp, because cause: Cause
  ) async throws -> Enrollment {
    try await self.perform(command, as: key, with: nil, at: now, because: cause)
  }

  /// - Parameter turn: Used up by a new class that does not fail at once; a repeat needs none.
  func perform(
    _ command: RegisterClass, as key: CommandKey?, with turn: HeldTurn?, at now: Timestamp,
    because cause: Cause
  ) async throws -> Enrollment {
    var lookup: CatalogLookup? = nil
    while true {
      let accept = AcceptClass(
        command, as: key, lookup: lookup, turn: turn?.ticket, seats: self.seats, at: now)
      let acceptance = try await self.store.transact(because: cause) { tx in
        let acceptance = try accept.perform(in: tx)
        CrashPoint.reached(.acceptCommits)
        return acceptance
      }
      CrashPoint.reached(.accepted)
      switch acceptance {
      case .answeredBefore(let enrollment):
        return try enrollment.asAnswer()
      case .toBePaid(let enrollment):
        turn?.committed(isUsed: true)
        return try await self.pay(enrollment, as: key, with: turn, because: cause).asAnswer()
      case .refused(let refusal):
        throw refusal
      case .askCatalog(let seenVersion):
        lookup = CatalogLookup(
          answer: await self.catalog.offer(of: command.courseID, because: cause),
          seenVersion: seenVersion)
      }
    }
  }

  private func pay(
    _ enrollment: Enrollment, as key: CommandKey?, with turn: HeldTurn?, because cause: Cause
  ) async throws -> Enrollment {
    let answer = await self.gateway.pay(PaymentRequest(for: enrollment), because: cause)
    let finish = FinishPayment(of: enrollment.id, answer, as: key, seats: self.seats)
    let finished = try await self.store.transact(because: cause) { tx in
      let finished = try finish.perform(in: tx)
      if let turn, !finished.isActive { try tx.giveBack(turn.returned) }
      CrashPoint.reached(.finishCommits)
      return finished
    }
    CrashPoint.reached(.finished)
    turn?.committed(isUsed: finished.isActive)
    return finished
  }
}

extension Enrollment {
  /// This enrollment as the answer to the command that asked for it.
  fileprivate func asAnswer() throws(EnrollmentError) -> Enrollment {
    switch self.status {
    case .registered, .pending: return self
    case .paymentFailed: throw .paymentDeclined(reason: self.declineReason ?? "")
    case .canceled: throw .classCanceled(self.id)
    }
  }
}
