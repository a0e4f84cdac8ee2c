/// A unary method: its name, and the messages it takes and gives.
public struct RPCMethod<Request: RPCMessage, Response: RPCMessage>: Sendable {
  /// `sugang.pay.v1.PayService`
  public let service: String
  /// `Approve`
  public let name: String
  /// `sugang.pay.v1.PayService/Approve`
  public let fullName: String
  public let hash: UInt64

  public init(service: String, name: String) {
    self.service = service
    self.name = name
    self.fullName = "\(service)/\(name)"
    self.hash = MethodHash.hash(self.fullName)
  }
}
