import Kernel

/// The part of Enrollment's store that keeps the lines for full courses. Reads see what was
/// committed.
package protocol WaitlistStore: Sendable {
  func place(_ id: WaitlistID) async throws -> WaitlistPlace?

  /// The live ones.
  func places(
    _ page: PageRequest, liveOfStudent student: String?
  ) async throws -> Page<WaitlistPlace>

  /// Whatever became of them.
  func places(ofStudent student: String, _ page: PageRequest) async throws -> Page<WaitlistPlace>

  /// The live ones, the first in line first.
  func places(ofCourse courseID: CourseID, _ page: PageRequest) async throws -> Page<WaitlistPlace>

  /// Offers that ended at `limit` or before, the oldest first.
  func overdueOffers(at limit: Timestamp, atMost count: Int) async throws -> [WaitlistEntry]
}

/// The part of one unit of work that concerns the lines.
package protocol WaitlistTransaction {
  /// Higher than every id so far.
  func nextWaitlistID() throws -> WaitlistID

  /// Whatever its state.
  func entry(_ id: WaitlistID) throws -> WaitlistEntry?

  /// There is at most one.
  func liveEntry(of student: String, in courseID: CourseID) throws -> WaitlistEntry?

  /// In the order of joining.
  func liveEntries(in courseID: CourseID) throws -> [WaitlistEntry]

  /// Who waits and is next.
  func firstWaiting(in courseID: CourseID) throws -> WaitlistEntry?

  /// Inserts the entry, or replaces the one with its id.
  func save(_ entry: Rostered<WaitlistEntry>) throws
}
