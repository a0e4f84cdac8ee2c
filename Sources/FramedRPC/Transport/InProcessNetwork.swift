import NIOCore
import Synchronization

/// A network inside one process: the same frames, limits and deadlines as over TCP, without a
/// socket.
///
/// Each end keeps its own event loop; bytes are handed from loop to loop.
public final class InProcessNetwork: Sendable {
  typealias Accept = @Sendable (InProcessWire) -> FramedConnection?

  struct Listener {
    let loop: any EventLoop
    let accept: Accept
  }

  private let listeners = Mutex<[String: Listener]>([:])

  public init() {}

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
    let clientWire = InProcessWire(loop: client.loop)
    let serverWire = InProcessWire(loop: listener.loop)
    listener.loop.execute {
      guard let server = listener.accept(serverWire) else {
        client.loop.execute { client.wireClosed("the server refused it") }
        return
      }
      serverWire.peer = (clientWire, client)
      server.attach(serverWire)
      client.loop.execute {
        clientWire.peer = (serverWire, server)
        client.attach(clientWire)
      }
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
  private let loop: any EventLoop
  var peer: (wire: InProcessWire, connection: FramedConnection)?
  private var isClosed = false

  init(loop: any EventLoop) {
    self.loop = loop
  }

  var isWritable: Bool { !self.isClosed }
  var queuedBytes: Int { 0 }

  func write(_ bytes: ByteBuffer) {
    self.loop.assertInEventLoop()
    guard !self.isClosed, let peer = self.peer else { return }
    peer.connection.loop.execute { peer.connection.received(bytes) }
  }

  /// The peer's bytes are in memory already; there is nothing to stop.
  func setReading(_ reading: Bool) {}

  func close() {
    self.loop.assertInEventLoop()
    guard !self.isClosed, let peer = self.peer else { return }
    self.isClosed = true
    peer.connection.loop.execute {
      peer.wire.isClosed = true
      peer.connection.wireClosed("the peer closed it")
      if let closer = exchange(&peer.wire.peer, with: nil)?.connection {
        closer.loop.execute { closer.wireClosed("closed") }
      }
    }
    self.peer = nil
  }
}
