import NIOCore

/// Finds out whether a silent peer that owes something still lives.
///
/// `@unchecked Sendable`: touched only on the connection's loop, also by its timer.
final class Keepalive: @unchecked Sendable {
  /// Silence after which the peer is asked.
  @exclusivity(unchecked) var interval: TimeAmount
  private let timeout: TimeAmount
  /// Runs while this end waits, and at most once an interval; nil when the next wait must start it.
  @exclusivity(unchecked) private var timer: Scheduled<Void>?
  /// When this end began to wait.
  @exclusivity(unchecked) private var waitingSince = NIODeadline.uptimeNanoseconds(0)
  private var pingSent: NIODeadline?

  init(limits: RPCLimits) {
    self.interval = TimeAmount(limits.keepaliveInterval)
    self.timeout = TimeAmount(limits.keepaliveTimeout)
  }

  /// This end begins to wait for the peer.
  func begin(_ connection: FramedConnection, now: NIODeadline) {
    self.waitingSince = now
    if self.timer == nil {
      self.check(connection, at: now + self.interval)
    }
  }

  func stop() {
    self.timer?.cancel()
    self.timer = nil
  }

  private func check(_ connection: FramedConnection, at time: NIODeadline) {
    self.timer = connection.loop.scheduleTask(deadline: time) {
      self.timer = nil
      self.check(connection)
    }
  }

  private func check(_ connection: FramedConnection) {
    guard !connection.isEnded else { return }
    let now = connection.loop.now
    // Who does not read hears nothing. The peer that is the cause has its own limit.
    guard !connection.isPaused else {
      self.pingSent = nil
      return self.check(connection, at: now + self.interval)
    }
    if let pingSent = self.pingSent, connection.lastReceived < pingSent {
      let due = pingSent + self.timeout
      guard now >= due else { return self.check(connection, at: due) }
      return connection.close(
        RPCError(.unavailable, "the peer does not answer pings"), within: SocketWire.lingerTimeout)
    }
    self.pingSent = nil
    guard connection.isWaiting else { return }
    let silentSince = max(connection.lastReceived, self.waitingSince)
    let due = silentSince + self.interval
    guard now >= due else { return self.check(connection, at: due) }
    self.pingSent = now
    connection.ping()
    self.check(connection, at: now + self.timeout)
  }
}
