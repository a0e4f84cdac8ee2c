import NIOCore
import Synchronization

/// A network inside one process: the same frames, limits and deadlines as over TCP, without a
/// socket.
///
/// Each end keeps its own event loop; bytes are handed from loop to loop. What the other end has
/// not taken yet counts as queued, with the marks of a socket's write buffer, so that a slow reader
/// slows its writer down as over TCP.
public final class InProcessNetwork: Sendable {
  typealias Accept = @Sendable () -> FramedConnection?

  /// What a test kit puts in the place of handing the bytes over.
  package struct Simulation: Sendable {
    /// Joins a client with what `accept` makes, or makes the client end.
    package let join:
      @Sendable (
        _ name: String, _ client: FramedConnection,
        _ accept: @escaping @Sendable () -> FramedConnection?
      ) -> Void
    /// From 0 to 1: all that clients of this network leave to chance.
    package let random: @Sendable () -> Double

    package init(
      join:
        @escaping @Sendable (
          _ name: String, _ client: FramedConnection,
          _ accept: @escaping @Sendable () -> FramedConnection?
        ) -> Void,
      random: @escaping @Sendable () -> Double
    ) {
      self.join = join
      self.random = random
    }
  }

  struct Listener {
    let loop: any EventLoop
    let accept: Accept
  }

  private let listeners = Mutex<[String: Listener]>([:])
  let simulation: Simulation?

  public init() {
    self.simulation = nil
  }

  package init(simulation: Simulation) {
    self.simulation = simulation
  }

  /// - Throws: ``RPCError`` when the name is taken.
  func listen(
    _ name: String, loop: any EventLoop, accept: @escaping Accept
  ) throws(RPCError) {
    let isFree = self.listeners.withLock { listeners in
      guard listeners[name] == nil else { return false }
      listeners[name] = Listener(loop: loop, accept: accept)
      return true
    }
    guard isFree else {
      throw RPCError(.alreadyExists, "in-process:\(name) has a server already")
    }
  }

  func stopListening(_ name: String) {
    _ = self.listeners.withLock { $0.removeValue(forKey: name) }
  }

  /// Connects `client`; its bytes flow when both loops have run.
  func connect(_ name: String, _ client: ClientConnection) throws(RPCError) {
    guard let listener = self.listeners.withLock({ $0[name] }) else {
      throw RPCError(
        .unavailable, "nothing listens on in-process:\(name)", notProcessed: true)
    }
    if let simulation = self.simulation {
      return simulation.join(name, client, listener.accept)
    }
    let clientWire = InProcessWire(loop: client.loop)
    let serverWire = InProcessWire(loop: listener.loop)
    listener.loop.execute {
      guard let server = listener.accept() else {
        client.loop.execute { client.wireClosed("the server refused it") }
        return
      }
      server.peer = RPCPeer(address: "in-process:\(name)")
      serverWire.join(server, to: clientWire)
      client.loop.execute { clientWire.join(client, to: serverWire) }
    }
  }
}

extension InProcessNetwork: Hashable {
  public static func == (left: InProcessNetwork, right: InProcessNetwork) -> Bool {
    left === right
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(self))
  }
}

/// One end of an in-process connection.
///
/// `@unchecked Sendable`: its properties are touched only on its own loop; it crosses loops only to
/// say where the peer is.
final class InProcessWire: Wire, @unchecked Sendable {
  /// Bytes taken that are worth a word to the writer; well below the lower mark of its buffer.
  private static let acknowledgedBytes = 64 * 1024

  /// Bytes on their way to a peer that keeps up; more than it leaves without a word.
  private static let keptUpBytes = 2 * acknowledgedBytes

  private let loop: any EventLoop
  private var own: FramedConnection?
  private var peer: InProcessWire?
  private var isClosed = false

  /// Bytes that the peer is not known to have taken.
  private(set) var queuedBytes = 0
  private var isWritable = true
  private var whenKeptUp: [@Sendable () -> Void] = []

  /// What arrived while this end does not read.
  private var inbox = CircularBuffer<ByteBuffer>()
  private var isReading = true
  /// Bytes taken since the writer was told.
  private var takenBytes = 0

  init(loop: any EventLoop) {
    self.loop = loop
  }

  /// Called once, before anything else.
  func join(_ own: FramedConnection, to peer: InProcessWire) {
    self.loop.assertInEventLoop()
    self.own = own
    self.peer = peer
    own.attach(self)
  }

  // MARK: writing

  func write(_ bytes: ByteBuffer) {
    self.loop.assertInEventLoop()
    guard !self.isClosed, let wire = self.peer else { return }
    self.queuedBytes += bytes.readableBytes
    wire.loop.execute { wire.deliver(bytes) }
    self.updateWritability()
  }

  /// Written is what the peer has had the chance to take, while it keeps up.
  func write(_ bytes: ByteBuffer, whenWritten: @escaping @Sendable () -> Void) {
    self.write(bytes)
    let loop = self.loop
    guard let wire = self.peer else { return whenWritten() }
    if self.queuedBytes <= Self.keptUpBytes {
      wire.loop.execute { loop.execute(whenWritten) }
    } else {
      self.whenKeptUp.append(whenWritten)
    }
  }

  /// The peer has taken so many bytes.
  private func acknowledge(_ bytes: Int) {
    self.queuedBytes -= bytes
    self.updateWritability()
    guard self.queuedBytes <= Self.keptUpBytes else { return }
    for tell in exchange(&self.whenKeptUp, with: []) {
      tell()
    }
  }

  private func updateWritability() {
    let marks = SocketWire.writeBuffer
    let isWritable = self.queuedBytes <= (self.isWritable ? marks.high : marks.low)
    guard isWritable != self.isWritable else { return }
    self.isWritable = isWritable
    self.own?.wireWritabilityChanged(isWritable)
  }

  // MARK: reading

  func setReading(_ reading: Bool) {
    self.loop.assertInEventLoop()
    self.isReading = reading
    // Not at once: who resumes is in the middle of something.
    if reading, !self.inbox.isEmpty {
      self.loop.execute { self.takeAll() }
    }
  }

  private func deliver(_ bytes: ByteBuffer) {
    self.inbox.append(bytes)
    self.takeAll()
  }

  private func takeAll() {
    while self.isReading, let own = self.own, let bytes = self.inbox.popFirst() {
      self.takenBytes += bytes.readableBytes
      if self.takenBytes >= Self.acknowledgedBytes, let writer = self.peer {
        let taken = exchange(&self.takenBytes, with: 0)
        writer.loop.execute { writer.acknowledge(taken) }
      }
      own.received(bytes)
    }
  }

  // MARK: ending

  /// What was written is in the peer's memory already: it needs no time to leave.
  func close(within limit: TimeAmount) {
    self.loop.assertInEventLoop()
    guard !self.isClosed, let wire = exchange(&self.peer, with: nil) else { return }
    self.isClosed = true
    wire.loop.execute { wire.peerClosed() }
  }

  private func peerClosed() {
    self.isClosed = true
    self.isReading = true
    self.takeAll()
    let closer = exchange(&self.peer, with: nil)
    self.gone("the peer closed it")
    closer?.loop.execute { closer?.gone("closed") }
  }

  private func gone(_ reason: String) {
    exchange(&self.own, with: nil)?.wireClosed(reason)
  }
}
