import Kernel

/// Where points are kept. Reads see what was committed.
package protocol PointStore: Sendable {
  /// Runs `work` all or not at all. What it saved and raised is durable on return.
  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any PointTransaction) throws -> Answer
  ) async throws -> Answer

  /// Granted or canceled.
  func visiblePoint(_ id: PointID) async throws -> Point?

  /// Granted or canceled.
  func visiblePoints(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Point>

  /// Granted or canceled.
  func visiblePoints(of classID: ClassID) async throws -> [Point]

  /// The sum of the entries for the student's payments. What it costs depends on how many payments
  /// the student has, not on how many there are.
  func balance(of student: String) async throws -> Int64

  func entries(of classID: ClassID, _ page: PageRequest) async throws -> Page<PostedPointEntry>

  /// The oldest first.
  func pendingPoints(atMost count: Int) async throws -> [PendingPoint]
}

/// Points that wait for their gift, and the event of Pay that they were earned by: what grants them
/// later is caused by it.
package struct PendingPoint: Hashable, Sendable {
  package let point: Point
  package let cause: Cause

  package init(point: Point, cause: Cause) {
    self.point = point
    self.cause = cause
  }
}

/// One unit of work on Point's store, valid only inside the closure it was given to.
package protocol PointTransaction: StudentMemory {
  /// An id that no point has had.
  func nextPointID() throws -> PointID

  func point(of paymentID: PaymentID) throws -> Point?

  /// Pending ones too.
  func points(of classID: ClassID) throws -> [Point]

  /// Inserts the point, whose cause is that of this unit of work, or replaces the one with its id.
  func save(_ point: Point) throws

  /// Adds a line to the ledger for points that were saved.
  ///
  /// - Throws: when the payment has one of this kind, and when a reversal is not the negative of
  ///   what was earned.
  func append(_ entry: PointEntry) throws

  /// Publishes `event` if, and only if, this unit of work commits (trap T3).
  func raise(_ event: PointEvent) throws
}

extension PointTransaction {
  /// Keeps what happened whole: the points as they are now, what the ledger says, and the event.
  package func record(_ event: PointEvent) throws {
    try self.save(event.point)
    if let entry = event.entry { try self.append(entry) }
    try self.raise(event)
  }
}
