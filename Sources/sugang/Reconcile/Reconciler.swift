import Contracts
import FramedRPC
import Kernel
import SugangServices

/// Finds what the services' books do not agree on, and mends what may be mended.
struct Reconciler {
  /// What was found about one class, and what it was found in.
  struct Case: Hashable, Sendable {
    let books: ClassBooks
    let findings: [Finding]
  }

  struct Outcome: Hashable, Sendable {
    let cases: [Case]
    let totals: MoneyTotals
  }

  /// Between two looks at what may still be on its way.
  private static let lookInterval = Duration.milliseconds(250)
  /// A repair may show what else is to be mended.
  private static let repairRounds = 3

  let books: any Books
  /// For how long a class may be pending.
  let pendingLimit: Duration
  /// How long something may be on its way from one service to another.
  let patience: Duration
  /// One that does not jump: ``patience`` is measured by it.
  let clock: any WallClock
  /// Waits between two looks.
  var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

  // MARK: Finding

  /// Reads all books once, then looks again at whatever did not agree until it does, or time is
  /// over: events on their way are no findings.
  func audit() async throws -> Outcome {
    var totals = MoneyTotals()
    var suspects: [Int64] = []
    var cursor = self.books.cursor()
    while let books = try await cursor.next() {
      totals.add(books)
      if !self.findings(in: books).isEmpty { suspects.append(books.classID) }
    }
    return Outcome(cases: try await self.confirm(suspects), totals: totals)
  }

  private func findings(in books: ClassBooks) -> [Finding] {
    books.findings(
      at: self.clock.now().microseconds,
      pendingLimit: Int64(self.pendingLimit / .microseconds(1)))
  }

  private func confirm(_ suspects: [Int64]) async throws -> [Case] {
    let end = self.clock.now().microseconds + Int64(self.patience / .microseconds(1))
    var suspects = suspects
    while true {
      var cases: [Case] = []
      for id in suspects {
        let books = try await self.books.books(of: id)
        let findings = self.findings(in: books)
        if !findings.isEmpty { cases.append(Case(books: books, findings: findings)) }
      }
      guard !cases.isEmpty, self.clock.now().microseconds < end else { return cases }
      suspects = cases.map(\.books.classID)
      try await self.pause(Self.lookInterval)
    }
  }

  // MARK: Mending

  /// Mends what may be mended, and waits for what follows from that.
  func repair(_ cases: [Case]) async throws {
    var cases = cases
    for _ in 0..<Self.repairRounds {
      var mended: [Int64] = []
      for found in cases {
        // Each once, in the order of the findings.
        var repairs: [Repair] = []
        for repair in found.findings.flatMap({ Repair.of($0, in: found.books) })
        where !repairs.contains(repair) { repairs.append(repair) }
        guard !repairs.isEmpty else { continue }
        try await self.retryParked(found.books.classID)
        for repair in repairs { try await self.perform(repair, on: found.books) }
        mended.append(found.books.classID)
      }
      guard !mended.isEmpty else { return }
      cases = try await self.confirm(mended)
    }
  }

  private func perform(_ repair: Repair, on books: ClassBooks) async throws {
    let id = books.classID
    switch repair {
    case .refund:
      _ = try await self.books.ask(.pay) {
        try await PayV1.PayServiceClient($0).refund(.init(classID: id), options: $1)
      }
    case .settle:
      _ = try await self.books.ask(.class) {
        try await EnrollmentV1.EnrollmentAuditServiceClient($0).settleEnrollment(
          .init(id: id), options: $1)
      }
    case .tellPayment:
      _ = try await self.books.ask(.pay) {
        try await PayV1.PaymentAuditServiceClient($0).repeatPayment(
          .init(classID: id), options: $1)
      }
    case .tellClass:
      _ = try await self.books.ask(.class) {
        try await EnrollmentV1.EnrollmentAuditServiceClient($0).repeatEnrollment(
          .init(id: id), options: $1)
      }
    case .giveGift:
      guard let paid = books.payments.first else { return }
      _ = try await self.books.ask(.gift) {
        try await GiftV1.GiftServiceClient($0).giveGift(
          .init(classID: id, paymentID: paid.id, fee: paid.fee, student: paid.student),
          options: $1)
      }
    }
  }

  /// News of a class is not heard while older news of it is parked.
  private func retryParked(_ id: Int64) async throws {
    for service in ServiceDoors.withData {
      _ = try await self.books.ask(service) {
        try await EventsV1.EventInboxServiceClient($0).retryParked(
          .init(subject: "class-\(id)"), options: $1)
      }
    }
  }
}
