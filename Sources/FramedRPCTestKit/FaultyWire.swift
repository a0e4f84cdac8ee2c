import FramedRPC
import NIOCore

/// One end of a ``FaultyLink``: what a socket is to a connection.
///
/// `@unchecked Sendable`: of the network's thread.
final class FaultyWire: Wire, @unchecked Sendable {
  /// As a socket's.
  private static let marks = (low: 256 * 1024, high: 1024 * 1024)
  private static let lingerTime: TimeAmount = .seconds(2)
  /// So many bytes on their way count as written: what systems keep for a socket.
  private static let socketBytes = 64 * 1024

  private let link: FaultyLink
  private let loop: any EventLoop
  private let direction: FaultPlan.Direction
  private var own: FramedConnection?

  /// Bytes that the other end has not taken.
  private(set) var queuedBytes = 0
  private var isWritable = true
  private var whenWritten: [@Sendable () -> Void] = []

  private var inbox = CircularBuffer<ByteBuffer>()
  private var inboxEnds = false
  private var isReading = true
  private var stalledUntil = NIODeadline.uptimeNanoseconds(0)

  private var hasSentEnd = false
  private var closeTimer: Scheduled<Void>?
  private var closeTime: NIODeadline?

  init(_ link: FaultyLink, _ own: FramedConnection, sends direction: FaultPlan.Direction) {
    self.link = link
    self.loop = own.loop
    self.own = own
    self.direction = direction
  }

  /// Tells the connection that it is connected; what arrived before comes after it.
  func begin() {
    self.hasBegun = true
    self.own?.attach(self)
    self.takeAll()
  }

  private var hasBegun = false

  // MARK: writing

  func write(_ bytes: ByteBuffer) {
    guard !self.hasSentEnd, !self.link.isOver else { return }
    self.queuedBytes += bytes.readableBytes
    self.link.send(bytes, self.direction)
    self.updateWritability()
  }

  func write(_ bytes: ByteBuffer, whenWritten: @escaping @Sendable () -> Void) {
    self.write(bytes)
    self.whenWritten.append(whenWritten)
    self.tellWritten()
  }

  /// Not at once: who writes is in the middle of something.
  private func tellWritten() {
    guard self.queuedBytes <= Self.socketBytes || self.isGone else { return }
    for tell in exchange(&self.whenWritten, with: []) {
      self.loop.execute(tell)
    }
  }

  private func acknowledge(_ bytes: Int) {
    // A duplicate is taken twice.
    self.queuedBytes = max(0, self.queuedBytes - bytes)
    self.tellWritten()
    self.updateWritability()
  }

  private func updateWritability() {
    let isWritable = self.queuedBytes <= (self.isWritable ? Self.marks.high : Self.marks.low)
    guard isWritable != self.isWritable else { return }
    self.isWritable = isWritable
    self.own?.wireWritabilityChanged(isWritable)
  }

  // MARK: reading

  func setReading(_ reading: Bool) {
    self.isReading = reading
    // Not at once: who resumes is in the middle of something.
    if reading {
      self.loop.execute { self.takeAll() }
    }
  }

  func stall(_ time: TimeAmount) {
    self.stalledUntil = max(self.stalledUntil, self.loop.now + time)
    self.loop.scheduleTask(deadline: self.stalledUntil) { self.takeAll() }
  }

  func arrived(_ bytes: ByteBuffer) {
    self.inbox.append(bytes)
    self.takeAll()
  }

  func arrivedEnd() {
    self.inboxEnds = true
    self.takeAll()
  }

  private func takeAll() {
    while self.hasBegun, self.isReading, self.stalledUntil <= self.loop.now, let own = self.own {
      if let bytes = self.inbox.popFirst() {
        self.link.writer(to: self.direction)?.acknowledge(bytes.readableBytes)
        own.received(bytes)
      } else if self.inboxEnds {
        return self.peerEnded()
      } else {
        return
      }
    }
  }

  // MARK: ending

  func close(within limit: TimeAmount) {
    guard !self.link.isOver else { return }
    guard limit > .zero else { return self.link.reset("closed by \(self.direction.rawValue)") }
    self.giveUp(in: limit)
    guard !self.hasSentEnd else { return }
    self.hasSentEnd = true
    self.isReading = true
    self.link.sendEnd(self.direction)
    self.loop.execute { self.takeAll() }
  }

  /// The other end has our end, and has so long to send its own.
  func endHasArrived() {
    guard self.hasSentEnd, self.own != nil else { return }
    self.giveUp(in: Self.lingerTime, replaces: true)
  }

  private func giveUp(in time: TimeAmount, replaces: Bool = false) {
    let due = self.loop.now + time
    if !replaces, let closeTime = self.closeTime, closeTime <= due { return }
    self.closeTimer?.cancel()
    self.closeTime = due
    self.closeTimer = self.loop.scheduleTask(deadline: due) { self.link.reset("gave up") }
  }

  /// A peer that ends its half has ended the connection: this end answers with its own.
  private func peerEnded() {
    if !self.hasSentEnd {
      self.hasSentEnd = true
      self.link.sendEnd(self.direction)
    }
    self.gone("the peer closed it")
    self.link.endIfBothAreGone()
  }

  /// Whether the connection knows that this wire has ended.
  var isGone: Bool { self.own == nil }

  func gone(_ reason: String) {
    self.closeTimer?.cancel()
    exchange(&self.own, with: nil)?.wireClosed(reason)
    self.tellWritten()
  }
}
