import FramedRPC
import NIOCore

/// One connection over a ``FaultyNetwork``.
///
/// `@unchecked Sendable`: of the network's thread.
final class FaultyLink: @unchecked Sendable {
  enum Item {
    case bytes(ByteBuffer, offset: Int)
    /// The sender's orderly end.
    case end
    case reset
  }

  /// One way.
  private struct Way {
    var random: SeededGenerator
    var map: FrameMap
    /// Bytes that the sender has handed over.
    var offset = 0
    /// Whether all that follows is lost.
    var isBroken = false
    /// When the last byte has left, with a limited bandwidth.
    var departed = NIODeadline.uptimeNanoseconds(0)
    /// When the last segment arrives: none overtakes another.
    var arrived = NIODeadline.uptimeNanoseconds(0)
    /// What arrived during a partition.
    var held: [Item] = []
    var unused: [FaultPlan.Scripted]
  }

  let name: String
  let server: String
  let network: FaultyNetwork
  private let plan: FaultPlan
  private let loop: any EventLoop
  private var ways: [FaultPlan.Direction: Way] = [:]
  private var wires: [FaultPlan.Direction: FaultyWire] = [:]
  private(set) var isOver = false

  init(_ network: FaultyNetwork, server: String, number: Int, plan: FaultPlan, seed: UInt64) {
    self.network = network
    self.server = server
    self.name = "\(server)#\(number)"
    self.plan = plan
    self.loop = network.loop
    var seeds = SeededGenerator(seed: seed)
    for direction in FaultPlan.Direction.allCases {
      self.ways[direction] = Way(
        random: SeededGenerator(seed: seeds.next()), map: FrameMap(direction: direction),
        unused: plan.scripted.filter { $0.direction == direction }.sorted { $0.byte < $1.byte })
    }
  }

  /// Takes a latency to the server and one back, as TCP does.
  func connect(
    _ client: FramedConnection, _ accept: @escaping @Sendable () -> FramedConnection?
  ) {
    let isRefused = self.with(.toServer) { $0.random.unit() } < self.plan.refusal
    let there = self.with(.toServer) { self.latency(&$0) }
    let back = self.with(.toClient) { self.latency(&$0) }
    // What takes part in a wire is made when it arrives there.
    self.loop.scheduleTask(in: there) {
      guard !self.isOver, !isRefused, let server = accept() else {
        self.loop.scheduleTask(in: back) {
          self.network.note(self.name, "refused")
          self.over()
          client.wireClosed("the server refused it")
        }
        return
      }
      server.peer = RPCPeer(address: "in-process:\(self.server)")
      let serverWire = FaultyWire(self, server, sends: .toClient)
      // Bytes for the client may be under way before it knows that it is connected.
      let clientWire = FaultyWire(self, client, sends: .toServer)
      self.wires = [.toServer: clientWire, .toClient: serverWire]
      self.network.note(self.name, "accepted")
      serverWire.begin()
      self.loop.scheduleTask(in: back) {
        guard !self.isOver else { return }
        self.network.note(self.name, "connected")
        clientWire.begin()
      }
    }
  }

  // MARK: sending

  func send(_ bytes: ByteBuffer, _ direction: FaultPlan.Direction) {
    var bytes = bytes
    while bytes.readableBytes > 0 {
      let (length, fault) = self.with(direction) { way in self.cut(bytes.readableBytes, &way) }
      guard let segment = bytes.readSlice(length: length) else { return }
      self.send(segment, fault, direction)
    }
  }

  func sendEnd(_ direction: FaultPlan.Direction) {
    self.with(direction) { way in
      guard !way.isBroken else { return }
      self.dispatch(.end, direction, &way)
    }
  }

  /// How many bytes make the next segment, and what happens to it.
  private func cut(
    _ available: Int, _ way: inout Way
  ) -> (Int, (fault: FaultPlan.Fault, bit: Int?)?) {
    var length = min(available, Int.random(in: self.plan.segmentBytes, using: &way.random))
    if let next = way.unused.first {
      if next.byte <= way.offset {
        way.unused.removeFirst()
        return (length, (next.fault, next.bit))
      }
      length = min(length, next.byte - way.offset)
    }
    for fault in FaultPlan.Fault.allCases {
      guard let chance = self.plan.chances[fault] else { continue }
      if way.random.unit() < chance { return (length, (fault, nil)) }
    }
    return (length, nil)
  }

  private func send(
    _ segment: ByteBuffer, _ fault: (fault: FaultPlan.Fault, bit: Int?)?,
    _ direction: FaultPlan.Direction
  ) {
    self.with(direction) { way in
      let offset = way.offset
      way.offset += segment.readableBytes
      let headers = way.map.take(segment)
      guard !way.isBroken else { return }
      guard let fault else {
        return self.dispatch(.bytes(segment, offset: offset), direction, &way)
      }
      self.network.note(
        self.name, "\(fault.fault.rawValue) \(direction.rawValue) at \(offset)")
      switch fault.fault {
      case .reset:
        self.dispatch(.reset, direction, &way)
        way.isBroken = true
      case .truncate:
        var half = segment
        if let half = half.readSlice(length: segment.readableBytes / 2), fault.bit == nil {
          self.dispatch(.bytes(half, offset: offset), direction, &way)
        }
        self.dispatch(.end, direction, &way)
        way.isBroken = true
      case .drop:
        way.isBroken = true
        self.loop.scheduleTask(in: TimeAmount(self.plan.lossTime)) { self.reset("a loss") }
      case .stall:
        let time = TimeAmount(self.plan.stallTime).nanoseconds
        let stall = Int64.random(in: 0...max(time, 0), using: &way.random)
        self.dispatch(.bytes(segment, offset: offset), direction, &way)
        self.reader(of: direction)?.stall(.nanoseconds(stall))
      case .corrupt:
        let corrupt = self.corrupt(segment, headers, fault.bit, &way.random)
        self.dispatch(.bytes(corrupt, offset: offset), direction, &way)
      case .duplicate:
        self.dispatch(.bytes(segment, offset: offset), direction, &way)
        self.dispatch(.bytes(segment, offset: offset), direction, &way)
      case .reorder:
        let late = way.arrived + self.latency(&way) + .milliseconds(5)
        self.arrive(.bytes(segment, offset: offset), direction, at: max(late, self.loop.now))
      }
    }
  }

  private func corrupt(
    _ segment: ByteBuffer, _ headers: [Int], _ bit: Int?, _ random: inout SeededGenerator
  ) -> ByteBuffer {
    var segment = segment
    let offset: Int
    if bit != nil {
      offset = 0
    } else if self.plan.corruption == .frameHeaders {
      guard let header = headers.randomElement(using: &random) else { return segment }
      offset = header
    } else {
      offset = Int.random(in: 0..<segment.readableBytes, using: &random)
    }
    let mask = UInt8(1) << UInt8(bit ?? Int.random(in: 0..<8, using: &random))
    let index = segment.readerIndex + offset
    let byte = segment.getInteger(at: index, as: UInt8.self) ?? 0
    segment.setInteger(byte ^ mask, at: index)
    return segment
  }

  /// Sends behind all that was sent before.
  private func dispatch(_ item: Item, _ direction: FaultPlan.Direction, _ way: inout Way) {
    var leaves = self.loop.now
    if case .bytes(let bytes, _) = item, let rate = self.plan.bytesPerSecond {
      leaves = max(leaves, way.departed)
      leaves =
        leaves + .nanoseconds(Int64(bytes.readableBytes) * 1_000_000_000 / Int64(max(rate, 1)))
      way.departed = leaves
    } else {
      leaves = max(leaves, way.departed)
    }
    way.arrived = max(way.arrived, leaves + self.latency(&way))
    self.arrive(item, direction, at: way.arrived)
  }

  private func arrive(_ item: Item, _ direction: FaultPlan.Direction, at time: NIODeadline) {
    self.loop.scheduleTask(deadline: time) { self.arrived(item, direction) }
  }

  /// Keeps what arrives during a partition, and what arrives behind that.
  private func arrived(_ item: Item, _ direction: FaultPlan.Direction) {
    guard !self.isOver else { return }
    let isHeld = self.with(direction) { way in
      guard self.network.isPartitioned(self.server) || !way.held.isEmpty else { return false }
      way.held.append(item)
      return true
    }
    if !isHeld {
      self.deliver(item, direction)
    }
  }

  private func deliver(_ item: Item, _ direction: FaultPlan.Direction) {
    guard !self.isOver else { return }
    switch item {
    case .bytes(let bytes, let offset):
      self.network.note(
        self.name,
        "\(direction.rawValue) \(offset)..<\(offset + bytes.readableBytes) "
          + String(Self.hash(bytes), radix: 16))
      self.reader(of: direction)?.arrived(bytes)
    case .end:
      self.network.note(self.name, "\(direction.rawValue) end")
      self.wires[direction]?.endHasArrived()
      self.reader(of: direction)?.arrivedEnd()
    case .reset: self.reset("a fault")
    }
  }

  /// FNV-1a, 64 bits.
  private static func hash(_ bytes: ByteBuffer) -> UInt64 {
    bytes.withUnsafeReadableBytes { bytes in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for index in 0..<bytes.count {
        hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3
      }
      return hash
    }
  }

  /// Both sides repeat what did not get through, a latency later.
  func heal() {
    for direction in FaultPlan.Direction.allCases {
      let latency = self.with(direction) { self.latency(&$0) }
      self.loop.scheduleTask(in: latency) {
        guard !self.network.isPartitioned(self.server) else { return }
        for item in self.with(direction, { exchange(&$0.held, with: []) }) {
          self.deliver(item, direction)
        }
      }
    }
  }

  // MARK: ending

  /// Both sides lose the connection, and all that is under way.
  func reset(_ why: String) {
    guard !self.isOver else { return }
    self.network.note(self.name, "reset: \(why)")
    self.over()
    // Not at once: who causes it is in the middle of something.
    self.loop.execute {
      for direction in FaultPlan.Direction.allCases {
        self.wires[direction]?.gone("the connection was reset")
      }
      self.wires = [:]
    }
  }

  /// Both sides have ended in order. The last to send its end is gone before that has arrived.
  func endIfBothAreGone() {
    guard !self.isOver, self.wires.values.allSatisfy(\.isGone) else { return }
    self.network.note(self.name, "over")
    self.over()
    self.wires = [:]
  }

  private func over() {
    self.isOver = true
    self.network.forget(self)
  }

  // MARK: parts

  private func reader(of direction: FaultPlan.Direction) -> FaultyWire? {
    self.wires[direction == .toServer ? .toClient : .toServer]
  }

  func writer(to reader: FaultPlan.Direction) -> FaultyWire? {
    self.wires[reader == .toServer ? .toClient : .toServer]
  }

  private func latency(_ way: inout Way) -> TimeAmount {
    let least = TimeAmount(self.plan.latency.lowerBound).nanoseconds
    let most = TimeAmount(self.plan.latency.upperBound).nanoseconds
    return .nanoseconds(Int64.random(in: least...most, using: &way.random))
  }

  private func with<Value>(
    _ direction: FaultPlan.Direction, _ body: (inout Way) -> Value
  ) -> Value {
    guard var way = self.ways.removeValue(forKey: direction) else {
      preconditionFailure("made by init")
    }
    defer { self.ways[direction] = way }
    return body(&way)
  }
}

/// Puts a value in a place and returns what was there.
func exchange<Value>(_ place: inout Value, with value: Value) -> Value {
  let old = place
  place = value
  return old
}
