import NIOCore

/// How busy a server is, by its own word. What is nil it does not say.
///
/// A handler says it of one call (``RPCContext/attachLoad(_:)``), a server of itself with every call
/// (``LoadAttachment``) or apart from calls (``ServerIntrospection/load``); a client hears it by
/// ``LoadObserver``, ``init(_:)-(RPCMetadata)`` and ``RPCChannel/loadReports(every:options:)``. The
/// fields are those of the load reports of xDS (ORCA) that matter without xDS.
public struct LoadReport: Hashable, Sendable {
  /// Under which a report travels with the end of an answer: the bytes of a framedrpc.v1.LoadReport.
  public static let metadataKey = "load-report"

  /// Of the processors that the process may use: 0 when idle, 1 when all are busy, above 1 for how
  /// much more it would need.
  public var cpuUtilization: Double?
  /// Of the memory that the process may use, 0 to 1.
  public var memoryUtilization: Double?
  /// As the service sees it: 0 with nothing to do, 1 with all it can, above 1 with more.
  public var applicationUtilization: Double?
  /// Calls that have ended, however, a second.
  public var requestsPerSecond: Double?
  /// Those of them that failed for a reason that speaks against the server, a second.
  public var errorsPerSecond: Double?
  /// What a call has cost, by name, in units of the service.
  public var costs: [String: Double]

  public init(
    cpuUtilization: Double? = nil, memoryUtilization: Double? = nil,
    applicationUtilization: Double? = nil, requestsPerSecond: Double? = nil,
    errorsPerSecond: Double? = nil, costs: [String: Double] = [:]
  ) {
    self.cpuUtilization = cpuUtilization
    self.memoryUtilization = memoryUtilization
    self.applicationUtilization = applicationUtilization
    self.requestsPerSecond = requestsPerSecond
    self.errorsPerSecond = errorsPerSecond
    self.costs = costs
  }

  /// Takes from `other` what this one does not say.
  public mutating func fill(from other: LoadReport) {
    self.cpuUtilization = self.cpuUtilization ?? other.cpuUtilization
    self.memoryUtilization = self.memoryUtilization ?? other.memoryUtilization
    self.applicationUtilization = self.applicationUtilization ?? other.applicationUtilization
    self.requestsPerSecond = self.requestsPerSecond ?? other.requestsPerSecond
    self.errorsPerSecond = self.errorsPerSecond ?? other.errorsPerSecond
    self.costs.merge(other.costs) { own, _ in own }
  }

  /// What the trailing metadata of an answer says; nil when it says nothing of load. Of several
  /// reports the first to name a value has it, so that a handler's word goes before its server's. One
  /// that cannot be read is as good as none, and so is a value that is negative or no number.
  public init?(_ metadata: RPCMetadata) {
    var report: LoadReport?
    for bytes in metadata.values(of: Self.metadataKey) {
      guard let message = try? FramedrpcV1.LoadReport(decoding: bytes) else {
        continue
      }
      report = report ?? LoadReport()
      report?.fill(from: LoadReport(message))
    }
    guard let report else { return nil }
    self = report
  }
}

extension LoadReport {
  init(_ message: FramedrpcV1.LoadReport) {
    self.init(
      cpuUtilization: Self.valid(message.cpuUtilization),
      memoryUtilization: Self.valid(message.memoryUtilization),
      applicationUtilization: Self.valid(message.applicationUtilization),
      requestsPerSecond: Self.valid(message.requestsPerSecond),
      errorsPerSecond: Self.valid(message.errorsPerSecond))
    for cost in message.costs {
      guard self.costs[cost.name] == nil, let value = Self.valid(cost.value) else { continue }
      self.costs[cost.name] = value
    }
  }

  private static func valid(_ value: Double?) -> Double? {
    guard let value, value.isFinite, value >= 0 else { return nil }
    return value
  }

  /// By name, so that equal reports are equal bytes.
  var message: FramedrpcV1.LoadReport {
    FramedrpcV1.LoadReport(
      cpuUtilization: self.cpuUtilization, memoryUtilization: self.memoryUtilization,
      applicationUtilization: self.applicationUtilization,
      costs: self.costs.sorted { $0.key < $1.key }.map {
        FramedrpcV1.NamedCost(name: $0.key, value: $0.value)
      }, requestsPerSecond: self.requestsPerSecond, errorsPerSecond: self.errorsPerSecond)
  }
}

extension RPCContext {
  /// Sends a report with the end of the answer, as trailing metadata. As those it does not go with an
  /// error.
  ///
  /// - Throws: ``RPCError`` INVALID_ARGUMENT when the report cannot be encoded or is too long for
  ///   metadata.
  public func attachLoad(_ report: LoadReport) throws(RPCError) {
    let bytes: ByteBuffer
    do {
      bytes = try report.message.encoded()
    } catch {
      throw RPCError(.invalidArgument, "the load report cannot be sent: \(error)")
    }
    try self.appendTrailer(LoadReport.metadataKey, Array(bytes.readableBytesView))
  }
}
