/// What a link does to the bytes of a connection.
public struct FaultPlan: Hashable, Sendable {
  /// Which way bytes go.
  public enum Direction: String, Hashable, Sendable, CaseIterable {
    case toServer, toClient
  }

  /// One thing that can happen to a segment. The first four happen on a network under TCP; the last
  /// three never do: they stand for what a faulty middlebox or memory does.
  public enum Fault: String, Hashable, Sendable, CaseIterable {
    /// The connection is reset: this segment and all behind it are lost, on both sides.
    case reset
    /// Half of the segment arrives, and then the sender's orderly end.
    case truncate
    /// This segment and all behind it in this direction are lost without a word; after
    /// ``FaultPlan/lossTime`` the connection is reset, as when TCP gives up repeating itself.
    case drop
    /// The reader takes nothing for a while, up to ``FaultPlan/stallTime``.
    case stall
    /// One bit is another one.
    case corrupt
    /// The segment comes twice.
    case duplicate
    /// The segment comes after later ones.
    case reorder

    /// What TCP and its network can do.
    public static let ofTCP: [Fault] = [.reset, .truncate, .drop, .stall]
  }

  /// Where ``Fault/corrupt`` strikes when chance decides.
  public enum Corruption: Hashable, Sendable {
    case anyByte
    /// Only the magic and the 16 bytes that begin each frame.
    case frameHeaders
  }

  /// A fault at a place: it strikes the segment that begins with this byte of its direction.
  public struct Scripted: Hashable, Sendable {
    public var fault: Fault
    public var direction: Direction
    /// How many bytes of the connection come before it in this direction.
    public var byte: Int
    /// Which bit of that byte ``Fault/corrupt`` flips, 0 to 7 from the lowest.
    public var bit: Int

    public init(_ fault: Fault, _ direction: Direction, byte: Int, bit: Int = 0) {
      self.fault = fault
      self.direction = direction
      self.byte = byte
      self.bit = bit
    }
  }

  /// How long a segment travels; each takes a time from this range, in order.
  public var latency: ClosedRange<Duration>
  /// How the bytes are cut, in bytes; at least 1.
  public var segmentBytes: ClosedRange<Int>
  /// What goes through in each direction, in bytes a second; nil is no limit.
  public var bytesPerSecond: Int?
  /// How likely each fault strikes a segment, 0 to 1.
  public var chances: [Fault: Double]
  public var scripted: [Scripted]
  /// How likely a connection is refused, 0 to 1.
  public var refusal: Double
  public var corruption: Corruption
  /// After this long a loss becomes a reset.
  public var lossTime: Duration
  /// The longest ``Fault/stall``.
  public var stallTime: Duration

  public init(
    latency: ClosedRange<Duration> = .milliseconds(1) ... .milliseconds(1),
    segmentBytes: ClosedRange<Int> = 1460...1460, bytesPerSecond: Int? = nil,
    chances: [Fault: Double] = [:], scripted: [Scripted] = [], refusal: Double = 0,
    corruption: Corruption = .anyByte, lossTime: Duration = .seconds(2),
    stallTime: Duration = .seconds(2)
  ) {
    precondition(segmentBytes.lowerBound > 0, "a segment has bytes")
    self.latency = latency
    self.segmentBytes = segmentBytes
    self.bytesPerSecond = bytesPerSecond
    self.chances = chances
    self.scripted = scripted
    self.refusal = refusal
    self.corruption = corruption
    self.lossTime = lossTime
    self.stallTime = stallTime
  }

  /// A good network: 1 ms each way.
  public static let none = FaultPlan()

  /// A bad network, another for each seed.
  ///
  /// - Parameter faults: those that may strike, each with up to 3 % a segment.
  public static func random(
    seed: UInt64, faults: [Fault] = Fault.ofTCP, corruption: Corruption = .anyByte
  ) -> FaultPlan {
    var generator = SeededGenerator(seed: seed)
    var plan = FaultPlan(corruption: corruption)
    let least = Int.random(in: 0...20_000, using: &generator)
    let spread = Int.random(in: 0...50_000, using: &generator)
    plan.latency = .microseconds(least) ... .microseconds(least + spread)
    let size = Int.random(in: 1...200, using: &generator)
    plan.segmentBytes = size...Int.random(in: size...2_000, using: &generator)
    if Bool.random(using: &generator) {
      plan.bytesPerSecond = Int.random(in: 2_000...200_000, using: &generator)
    }
    for fault in faults where Bool.random(using: &generator) {
      plan.chances[fault] = 0.03 * generator.unit()
    }
    if Bool.random(using: &generator) {
      plan.refusal = 0.3 * generator.unit()
    }
    return plan
  }
}
