import AdaptorTestSupport
import Kernel
import PointCore
import Synchronization

/// Point's store without a disk. A transaction works on a copy, which is kept when it succeeds.
final class InMemoryPointStore: PointStore {
  private let contents = Mutex(PointContents())

  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any PointTransaction) throws -> Answer
  ) async throws -> Answer {
    try self.contents.withLock { contents in
      let transaction = InMemoryPointTransaction(contents, because: cause)
      let answer = try work(transaction)
      contents = transaction.contents
      return answer
    }
  }

  func visiblePoint(_ id: PointID) async throws -> Point? {
    self.visible.first { $0.id == id }
  }

  func visiblePoints(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Point> {
    let items = self.visible.filter { student == nil || $0.paid.student == student }
    return Page(page, of: items)
  }

  func visiblePoints(of classID: ClassID) async throws -> [Point] {
    self.visible.filter { $0.paid.classID == classID }
  }

  func pendingPoints(atMost count: Int) async throws -> [PendingPoint] {
    let causes = self.contents.withLock { $0.causes }
    return self.all.filter { $0.status == .pending }.prefix(count).compactMap { point in
      causes[point.id].map { PendingPoint(point: point, cause: $0) }
    }
  }

  func balance(of student: String) async throws -> Int64 {
    self.contents.withLock { contents in
      let owned = contents.points.values.filter { $0.paid.student == student }
      let payments = Set(owned.map(\.paid.paymentID))
      return contents.ledger.filter { payments.contains($0.entry.paymentID) }
        .reduce(0) { $0 + $1.entry.points }
    }
  }

  func entries(
    of classID: ClassID, _ page: PageRequest
  ) async throws -> Page<PostedPointEntry> {
    let entries = self.ledger.filter { $0.entry.classID == classID }
    return Page(page, of: entries)
  }

  /// Every line, in order.
  var ledger: [PostedPointEntry] { self.contents.withLock { $0.ledger } }

  /// Everything raised by committed transactions, in order.
  var events: [PointEvent] { self.contents.withLock { $0.events } }

  private var all: [Point] {
    self.contents.withLock { $0.points.values.sorted { $0.id < $1.id } }
  }

  private var visible: [Point] { self.all.filter { $0.status != .pending } }
}

struct PointContents: Sendable {
  var points: [PointID: Point] = [:]
  /// What each was first saved because of.
  var causes: [PointID: Cause] = [:]
  var students: [ClassID: StudentCorrection] = [:]
  var ledger: [PostedPointEntry] = []
  var events: [PointEvent] = []
}

/// What the ledger never takes.
struct LedgerRefused: Error, Hashable {
  let entry: PointEntry
}

private final class InMemoryPointTransaction: PointTransaction {
  var contents: PointContents

  private let cause: Cause

  init(_ contents: PointContents, because cause: Cause) {
    self.contents = contents
    self.cause = cause
  }

  func nextPointID() -> PointID {
    PointID((self.contents.points.keys.max()?.value ?? 0) + 1)
  }

  func point(of paymentID: PaymentID) -> Point? {
    self.contents.points.values.first { $0.paid.paymentID == paymentID }
  }

  func points(of classID: ClassID) -> [Point] {
    self.contents.points.values.filter { $0.paid.classID == classID }
  }

  func save(_ point: Point) {
    self.contents.points[point.id] = point
    self.contents.causes[point.id] = self.contents.causes[point.id] ?? self.cause
  }

  func append(_ entry: PointEntry) throws {
    let earlier = self.contents.ledger.map(\.entry).filter { $0.paymentID == entry.paymentID }
    let isDue =
      switch entry.kind {
      case .earn: earlier.isEmpty
      case .reverse: earlier.map(\.kind) == [.earn] && earlier[0].points == -entry.points
      }
    guard isDue else { throw LedgerRefused(entry: entry) }
    self.contents.ledger.append(
      PostedPointEntry(
        sequence: Int64(self.contents.ledger.count + 1), entry: entry,
        at: Timestamp(microseconds: 0)))
  }

  func studentCorrection(of classID: ClassID) -> StudentCorrection? {
    self.contents.students[classID]
  }

  func remember(_ correction: StudentCorrection) {
    self.contents.students[correction.classID] = correction
  }

  func raise(_ event: PointEvent) { self.contents.events.append(event) }
}
