import Contracts
import FramedRPC
import Logging
import ServiceLifecycle
import Synchronization

/// Follows the feed of one source for as long as the service runs.
///
/// Catches up from its own cursor after either side was away (K23).
package final class EventConsumer: Service {
  /// Most events asked for at once.
  package static let batchSize: Int32 = 256
  /// How long the source may let a fetch wait.
  package static let waitMilliseconds: Int32 = 10_000
  /// Time for the answer beyond the wait.
  package static let answerTimeout = Duration.seconds(5)
  /// First and longest pause after a failure.
  package static let pauses = (first: Duration.milliseconds(50), longest: Duration.seconds(2))

  private let source: String
  private let feed: EventsV1.EventFeedServiceClient
  private let intake: EventIntake
  private let logger: Logger

  package init(
    source: String, feed: EventsV1.EventFeedServiceClient, intake: EventIntake, logger: Logger
  ) {
    self.source = source
    self.feed = feed
    self.intake = intake
    self.logger = logger
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      var pause = Self.pauses.first
      while !Task.isCancelled {
        do {
          try await self.step()
          pause = Self.pauses.first
        } catch {
          guard !Task.isCancelled else { return }
          self.logger.log(
            level: Self.level(error), "cannot follow the feed",
            metadata: ["event.source": "\(self.source)", "error": "\(error)"])
          try? await Task.sleep(for: pause)
          pause = min(pause * 2, Self.pauses.longest)
        }
      }
    }
  }

  /// One fetch and what it brought.
  package func step() async throws {
    let cursor = try await self.intake.cursor()
    let response = try await self.feed.fetch(
      EventsV1.FetchRequest(
        after: cursor, max: Self.batchSize, waitMs: Self.waitMilliseconds),
      options: CallOptions(
        timeout: .milliseconds(Int64(Self.waitMilliseconds)) + Self.answerTimeout,
        waitForReady: true))
    try await self.intake.take(response.events, logID: response.logID)
  }

  /// A source that is away is no news; a source with another log needs a person.
  private static func level(_ error: any Error) -> Logger.Level {
    switch error {
    case is InboxError: .critical
    case let error as RPCError where error.status == .unavailable: .debug
    default: .warning
    }
  }
}
