import FramedRPC
import Kernel

extension Caller {
  private static let nameKey = "caller"

  /// Who makes this call, as the caller's service said it.
  package init(_ context: RPCContext) {
    self.init(
      name: context.metadata[Self.nameKey] ?? "anonymous",
      requestID: context.requestID ?? RequestID.make())
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
    self.init(id: context.requestID ?? RequestID.make())
  }

  /// Options of a call made for this cause.
  package func options(timeout: Duration) -> CallOptions {
    var metadata = RPCMetadata()
    try? metadata.append(RPCContext.requestIDKey, self.id)
    return CallOptions(timeout: timeout, metadata: metadata)
  }
}
