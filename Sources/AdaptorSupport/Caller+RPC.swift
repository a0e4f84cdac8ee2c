import FramedRPC
import Kernel

extension Caller {
  private static let nameKey = "caller"

  /// Who makes this call, as the caller's service said it.
  package init(_ context: RPCContext) {
    self.init(
      name: context.metadata[Self.nameKey] ?? "anonymous",
      requestID: context.requestID ?? RequestIDs.next())
  }

  /// Options of a call made for this caller.
  package func options(timeout: Duration = .seconds(3)) -> CallOptions {
    var metadata = RPCMetadata()
    try? metadata.append(RPCContext.requestIDKey, self.requestID)
    try? metadata.append(Self.nameKey, self.name)
    return CallOptions(timeout: timeout, metadata: metadata)
  }
}

extension Cause {
  /// The request behind this call.
  package init(_ context: RPCContext) {
    self.init(id: context.requestID ?? RequestIDs.next())
  }

  /// Options of a call made for this cause.
  package func options(timeout: Duration) -> CallOptions {
    var metadata = RPCMetadata()
    try? metadata.append(RPCContext.requestIDKey, self.id)
    return CallOptions(timeout: timeout, metadata: metadata)
  }
}

/// Makes request ids for calls that came without one: 128 random bits in hex.
package enum RequestIDs {
  package static func next() -> String {
    func hex(_ number: UInt64) -> String {
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return hex(.random(in: 0...UInt64.max)) + hex(.random(in: 0...UInt64.max))
  }
}
