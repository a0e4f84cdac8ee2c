/// A service's methods with their messages, for tools that know them by name only.
public struct ServiceDescriptor: Sendable {
  /// `sugang.pay.v1.PayService`
  public let name: String
  /// In the order of the `.proto` file.
  public let methods: [MethodDescriptor]

  public init(name: String, methods: [MethodDescriptor]) {
    self.name = name
    self.methods = methods
  }
}

/// One method of a ``ServiceDescriptor``.
public struct MethodDescriptor: Sendable {
  /// `sugang.pay.v1.PayService/Approve`
  public let fullName: String
  /// How many messages go each way.
  public let kind: RPCKind
  /// The type of the request, or of each of them.
  public let request: any CBackedMessage.Type
  /// The type of the answer, or of each of them.
  public let response: any CBackedMessage.Type

  public init<Request: CBackedMessage, Response: CBackedMessage>(
    _ method: RPCMethod<Request, Response>
  ) {
    self.fullName = method.fullName
    self.kind = method.kind
    self.request = Request.self
    self.response = Response.self
  }
}
