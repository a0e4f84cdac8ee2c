import Contracts
import FramedRPC
import Logging
import ServiceLifecycle
import Synchronization

/// Reaches a dependency once before its caller is called ready, so that the first who enroll after
/// a start are not told that a service is away that was only a moment later.
///
/// A dependency that stays away holds nobody up for longer than ``limit``: that is what the
/// fallbacks are for.
final class FirstContact: Service {
  /// How long a service waits for one that it calls, after its own start.
  static let limit = Duration.seconds(10)
  private static let pause = Duration.milliseconds(50)

  let name: String
  private let channel: any RPCChannel
  private let limit: Duration
  private let logger: Logger
  private let mayBeCalled: @Sendable () -> Bool
  private let isOver = Mutex(false)

  /// - Parameters:
  ///   - channel: past what guards it: nobody's calls are judged by this one.
  ///   - mayBeCalled: whether its guard lets calls through.
  init(
    to name: String, _ channel: any RPCChannel, limit: Duration = FirstContact.limit,
    logger: Logger, mayBeCalled: @escaping @Sendable () -> Bool = { true }
  ) {
    self.name = name
    self.channel = channel
    self.limit = limit
    self.logger = logger
    self.mayBeCalled = mayBeCalled
  }

  var reasonsNotReady: [String] {
    self.isOver.withLock { $0 } ? [] : ["\(self.name) has not been reached yet"]
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      let failure = await self.makeContact()
      guard !Task.isCancelled else { return }
      if let failure {
        self.logger.notice(
          "goes on without a dependency that could not be reached",
          metadata: ["dependency": "\(self.name)", "error": "\(failure)"])
      }
      self.isOver.withLock { $0 = true }
    }
    // A service that returns ends the others.
    try? await gracefulShutdown()
  }

  /// - Returns: why there is none when the time is up; nil when there is.
  private func makeContact() async -> (any Error)? {
    let end = ContinuousClock.now + self.limit
    var failure: any Error = RPCError(.unavailable, "its circuit is open")
    while !Task.isCancelled, .now < end {
      do {
        try await self.ask(until: end)
        if self.mayBeCalled() { return nil }
      } catch {
        failure = error
      }
      try? await Task.sleep(for: Self.pause)
    }
    return failure
  }

  /// Whether it is ready itself does not matter: two services may wait for one another.
  private func ask(until end: ContinuousClock.Instant) async throws {
    _ = try await FramedrpcV1.HealthServiceClient(self.channel).check(
      FramedrpcV1.CheckRequest(), options: CallOptions(timeout: end - .now, waitForReady: true))
  }
}
