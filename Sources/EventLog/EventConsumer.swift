import Contracts
import FramedRPC
import Kernel
import Logging
import ServiceLifecycle
import Synchronization

/// Follows the feed of one source for as long as the service runs.
///
/// Catches up from its own cursor after either side was away (K23).
package final class EventConsumer: Service {
  /// Most events asked for at once.
  package static let batchSize: Int32 = 512
  /// How long the source may let a fetch wait.
  package static let waitMilliseconds: Int32 = 10_000
  /// Shortest time from one fetch to the next, after one that brought few events and after one that
  /// brought ``manyEvents`` or more. The first event of a quiet time is taken at once; under load,
  /// what comes within this time shares one fetch and one commit. With 100 instead of 20 ms the
  /// followers of an enrollment need two thirds of the processor time, and the answers to students
  /// come a quarter faster; with 5 or 200 ms nothing more is won.
  package static let fetchIntervals = (
    few: Duration.milliseconds(20), many: Duration.milliseconds(100)
  )
  /// From so many events in one fetch on, more are worth waiting for.
  package static let manyEvents = 16
  /// Time for the answer beyond the wait.
  package static let answerTimeout = Duration.seconds(5)
  /// First and longest pause after a failure.
  package static let pauses = (first: Duration.milliseconds(50), longest: Duration.seconds(2))
  /// Pause after an ``InboxError`` or a source whose log is damaged: only a person can mend these.
  package static let mendingPause = Duration.seconds(30)
  /// How often parked events are taken up again: at the start, and then after this time, at the
  /// end of the fetch that is under way.
  package static let parkedRetryInterval = Duration.seconds(60)

  package let source: String
  private let feed: EventsV1.EventFeedServiceClient
  package let intake: EventIntake
  private let yield: Duration
  private let parkedRetryInterval: Duration
  private let logger: Logger
  private let trouble = Mutex<InboxError?>(nil)

  /// - Parameter yield: how long a fetch may wait while the source has calls to answer; at most
  ///   ``EventFeed/maxYield``.
  package init(
    source: String, feed: EventsV1.EventFeedServiceClient, intake: EventIntake,
    yield: Duration = .zero,
    parkedRetryInterval: Duration = EventConsumer.parkedRetryInterval, logger: Logger
  ) {
    self.source = source
    self.feed = feed
    self.intake = intake
    self.yield = yield
    self.parkedRetryInterval = parkedRetryInterval
    self.logger = logger
  }

  /// Why the service should not be called ready: the source is not the one that was followed.
  package var reasonsNotReady: [String] {
    self.trouble.withLock { $0.map { ["\($0)"] } ?? [] }
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      var pause = Self.pauses.first
      var nextRetry = ContinuousClock.now
      var lastParked = 0
      while !Task.isCancelled {
        do {
          if nextRetry <= .now {
            // First, so that a failure here does not keep the fetch below from ever being made.
            nextRetry = .now + self.parkedRetryInterval
            let parked = try await self.intake.retryParked().remaining
            if parked > 0, parked != lastParked { self.log(parked: parked) }
            lastParked = parked
          }
          let start = ContinuousClock.now
          let next = start + (try await self.step()).interval
          if next > .now { try await Task.sleep(until: next) }
          self.trouble.withLock { $0 = nil }
          pause = Self.pauses.first
        } catch {
          guard !Task.isCancelled else { return }
          self.logger.log(
            level: Self.level(error), "cannot follow the feed",
            metadata: ["event.source": "\(self.source)", "error": "\(error)"])
          if let error = error as? InboxError {
            self.trouble.withLock { $0 = error }
            try? await Task.sleep(for: Self.mendingPause)
          } else if (error as? RPCError)?.status == .dataLoss {
            try? await Task.sleep(for: Self.mendingPause)
          } else {
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, Self.pauses.longest)
          }
        }
      }
    }
  }

  /// A person has to look, and is told so at the start and whenever there are more or fewer.
  private func log(parked count: Int) {
    self.logger.warning(
      "events stay parked; 'sugang events parked' lists them",
      metadata: ["event.source": "\(self.source)", "events": "\(count)"])
  }

  /// What one fetch brought.
  package struct Step: Sendable {
    package let events: Int
    /// Whether that was all there is by now.
    package let isCaughtUp: Bool

    /// Shortest time from this fetch to the next.
    package var interval: Duration {
      guard self.isCaughtUp else { return .zero }
      return self.events < EventConsumer.manyEvents
        ? EventConsumer.fetchIntervals.few : EventConsumer.fetchIntervals.many
    }
  }

  /// One fetch, and all that follows from what it brought.
  @discardableResult
  package func step() async throws -> Step {
    let position = try await self.intake.position()
    let answer = try await self.feed.fetch(
      EventsV1.FetchRequest(
        after: position.sequence, max: Self.batchSize, waitMs: Self.waitMilliseconds,
        types: self.intake.handler.types, yieldMs: Int32(self.yield / .milliseconds(1))),
      options: CallOptions(
        timeout: .milliseconds(Int64(Self.waitMilliseconds)) + Self.answerTimeout,
        waitForReady: true))
    try await self.intake.take(answer, from: position)
    return Step(events: answer.events.count, isCaughtUp: answer.end >= answer.lastSequence)
  }

  /// A source that is away is no news; a source with another log needs a person.
  private static func level(_ error: any Error) -> Logger.Level {
    switch error {
    case is InboxError: .critical
    case let error as RPCError where error.status == .dataLoss: .critical
    case let error as RPCError where error.status == .unavailable: .debug
    default: .warning
    }
  }
}
