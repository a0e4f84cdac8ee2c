import Contracts
import FramedRPC
import Kernel
import Logging
import Storage
import Synchronization

/// Offers an outbox to other services by long poll: Kafka's fetch in miniature, resumable by
/// sequence, with no broker to install.
package struct EventFeed: EventsV1.EventFeedServiceHandler {
  /// Most events in one answer.
  package static let maxEvents = 512
  /// Most bytes of event data in one answer; the first event always fits.
  package static let maxDataBytes = 512 * 1024
  /// Shortest time from one look to the next of a fetch that waits: whoever wants few of many
  /// events does not look after each commit.
  package static let lookInterval = Duration.milliseconds(20)
  /// Longest wait for a first event.
  package static let maxWait = Duration.seconds(30)
  /// Longest time that a fetch lets calls go first: with ``EventConsumer/waitMilliseconds``, well
  /// within what a consumer waits for an answer.
  package static let maxYield = Duration.seconds(3)
  /// Most types that a fetch may name.
  package static let maxTypes = 32
  /// Most sequences looked through in one read, and most such reads for an answer: whoever wants
  /// few of many old events gets an answer without any now and then, and keeps its place.
  package static let readLimits = (sequences: 4_096, reads: 16)

  private let outbox: Outbox
  private let readLimits: (sequences: Int, reads: Int)
  private let quietMoment: QuietMoment
  private let logger: Logger?
  private let damage = Damage()

  /// - Parameters:
  ///   - readLimits: smaller ones are for tests.
  ///   - isBusy: whether the service is answering calls, which readers may let go first.
  package init(
    outbox: Outbox, readLimits: (sequences: Int, reads: Int) = EventFeed.readLimits,
    isBusy: @escaping @Sendable () -> Bool = { false }, logger: Logger? = nil
  ) {
    self.outbox = outbox
    self.readLimits = readLimits
    self.quietMoment = QuietMoment { isBusy() && !outbox.signal.isStopped }
    self.logger = logger
  }

  /// What was found to be damaged, until the service is started again.
  private final class Damage: Sendable {
    let first = Mutex<String?>(nil)
    /// How far ``EventFeed/scrub()`` has come.
    let scrubbed = Mutex<Int64>(0)
  }

  /// Why the service should not be called ready: its log is damaged.
  package var reasonsNotReady: [String] {
    self.damage.first.withLock { $0.map { ["the event log is damaged: \($0)"] } ?? [] }
  }

  /// Answers whoever waits, and lets nobody wait any more: for an orderly shutdown.
  package func stop() {
    self.outbox.signal.stop()
  }

  package func fetch(
    _ request: EventsV1.FetchRequest, _ context: RPCContext
  ) async throws -> EventsV1.FetchResponse {
    try Self.check(request)
    let limit = min(Int(request.max), Self.maxEvents)
    let end =
      ContinuousClock.now + min(.milliseconds(Int64(request.waitMs)), Self.maxWait)
    var position = request.after
    var reads = 0
    var yield = min(.milliseconds(Int64(request.yieldMs)), Self.maxYield)
    try await self.letCallsGoFirst(&yield)
    while true {
      let generation = self.outbox.signal.generation
      let look = ContinuousClock.now
      let slice = try await self.slice(after: position, limit: limit, types: request.types)
      // A log that ends before the reader's place is not the one it read until now: no waiting.
      guard slice.events.isEmpty, slice.lastSequence >= position else {
        return Self.answer(slice)
      }
      position = slice.through
      if position < slice.lastSequence {
        reads += 1
        guard reads < self.readLimits.reads else { return Self.answer(slice) }
        continue
      }
      guard await self.outbox.signal.wait(past: generation, until: end) else {
        return Self.answer(slice)
      }
      try await Task.sleep(until: look + Self.lookInterval)
      try await self.letCallsGoFirst(&yield)
    }
  }

  /// - Parameter yield: how long the fetch may still wait for that.
  private func letCallsGoFirst(_ yield: inout Duration) async throws {
    guard yield > .zero else { return }
    yield -= try await self.quietMoment.wait(atMost: yield)
  }

  /// - Throws: ``RPCError`` of ``RPCStatus/dataLoss`` for a row that is not what was appended, and
  ///   for a file that SQLite cannot read: neither mends itself.
  private func slice(
    after position: Int64, limit: Int, types: [String]
  ) async throws -> Outbox.Slice {
    do {
      return try await self.outbox.events(
        after: position, limit: limit, types: types, lookingAt: self.readLimits.sequences)
    } catch {
      guard error is ChainDamage || (error as? StorageError)?.isCorruption == true else {
        throw error
      }
      self.report("\(error)")
      throw RPCError(
        .dataLoss, "the event log is damaged: \(error)", reason: Self.damagedReason)
    }
  }

  /// Rows looked at by one ``scrub()``: some milliseconds of work.
  package static let scrubbedRows = 500

  /// Verifies the next rows of the log, and begins again behind the last one: what everybody has
  /// read long ago may rot too. Damage is reported as by a fetch.
  ///
  /// - Throws: ``StorageError`` when the log cannot be read now.
  package func scrub() async throws {
    let position = self.damage.scrubbed.withLock { $0 }
    do {
      let slice = try await self.slice(after: position, limit: Self.scrubbedRows, types: [])
      self.damage.scrubbed.withLock { $0 = slice.events.isEmpty ? 0 : slice.through }
    } catch is RPCError {
      self.damage.scrubbed.withLock { $0 = 0 }
    }
  }

  /// The reason of the error for a damaged log.
  package static let damagedReason = "event-log-damaged"

  private func report(_ damage: String) {
    let isNew = self.damage.first.withLock { first in
      defer { first = damage }
      return first != damage
    }
    // Each reader asks again and again.
    guard isNew else { return }
    self.logger?.critical(
      "the event log is damaged; 'sugang verify' says more",
      metadata: ["event.source": "\(self.outbox.source)", "damage": "\(damage)"])
  }

  private static func check(_ request: EventsV1.FetchRequest) throws(RPCError) {
    guard request.after >= 0, request.max >= 1, request.waitMs >= 0, request.yieldMs >= 0 else {
      throw RPCError(
        .invalidArgument, "after, wait_ms and yield_ms must be 0 or more, max 1 or more",
        reason: "validation-failed")
    }
    guard request.types.count <= Self.maxTypes else {
      throw RPCError(
        .invalidArgument, "at most \(Self.maxTypes) types may be named",
        reason: "validation-failed")
    }
  }

  private static func answer(_ slice: Outbox.Slice) -> EventsV1.FetchResponse {
    let events = Self.bounded(slice.events)
    let isWhole = events.count == slice.events.count
    if !events.isEmpty { CrashPoint.reached(.eventsRead) }
    return EventsV1.FetchResponse(
      events: events, logID: slice.logID, lastSequence: slice.lastSequence,
      through: isWhole ? slice.through : events.last?.sequence ?? slice.through)
  }

  private static func bounded(_ events: [EventsV1.Event]) -> [EventsV1.Event] {
    var bytes = 0
    let fitting = events.prefix { event in
      bytes += event.data.count
      return bytes <= Self.maxDataBytes
    }
    return fitting.isEmpty ? Array(events.prefix(1)) : Array(fitting)
  }
}
