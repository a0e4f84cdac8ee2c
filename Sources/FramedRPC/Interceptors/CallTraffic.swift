import Synchronization

/// The messages that one call has sent and received so far, seen from the side that counts.
public final class CallTraffic: Sendable {
  public struct Count: Hashable, Sendable {
    public var messages = 0
    /// Of the messages as protobuf, without frames and metadata.
    public var bytes = 0

    public init() {}

    mutating func add(_ bytes: Int) {
      self.messages += 1
      self.bytes += bytes
    }
  }

  private let counts = Mutex((sent: Count(), received: Count()))

  init() {}

  public var sent: Count { self.counts.withLock { $0.sent } }
  public var received: Count { self.counts.withLock { $0.received } }

  func countSent(_ bytes: Int) {
    self.counts.withLock { $0.sent.add(bytes) }
  }

  func countReceived(_ bytes: Int) {
    self.counts.withLock { $0.received.add(bytes) }
  }
}
