import Contracts
import FramedRPC

/// Offers an outbox to other services by long poll: Kafka's fetch in miniature, resumable by
/// sequence, with no broker to install.
package struct EventFeed: EventsV1.EventFeedServiceHandler {
  /// Most events in one answer.
  package static let maxEvents = 512
  /// Most bytes of event data in one answer; the first event always fits.
  package static let maxDataBytes = 512 * 1024
  /// Longest wait for a first event.
  package static let maxWait = Duration.seconds(30)

  private let outbox: Outbox

  package init(outbox: Outbox) {
    self.outbox = outbox
  }

  /// Answers whoever waits, and lets nobody wait any more: for an orderly shutdown.
  package func stop() {
    self.outbox.signal.stop()
  }

  package func fetch(
    _ request: EventsV1.FetchRequest, _ context: RPCContext
  ) async throws -> EventsV1.FetchResponse {
    guard request.after >= 0, request.max >= 1, request.waitMs >= 0 else {
      throw RPCError(
        .invalidArgument, "after and wait_ms must be 0 or more, max 1 or more",
        reason: "validation-failed")
    }
    let limit = min(Int(request.max), Self.maxEvents)
    let wait = min(.milliseconds(Int64(request.waitMs)), Self.maxWait)
    let generation = self.outbox.signal.generation
    var slice = try await self.outbox.events(after: request.after, limit: limit)
    if slice.events.isEmpty, slice.lastSequence == request.after, wait > .zero {
      await self.outbox.signal.wait(past: generation, timeout: wait)
      slice = try await self.outbox.events(after: request.after, limit: limit)
    }
    return EventsV1.FetchResponse(
      events: Self.bounded(slice.events), logID: slice.logID, lastSequence: slice.lastSequence)
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
