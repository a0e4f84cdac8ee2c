/// How many messages go each way.
public enum RPCKind: String, Hashable, Sendable, CaseIterable {
  /// One request, one answer.
  case unary
  /// One request, any number of answers.
  case serverStreaming = "server-streaming"
  /// Any number of requests, one answer.
  case clientStreaming = "client-streaming"
  /// Any number each way; neither waits for the other.
  case bidirectional

  /// Whether the client sends any number of messages, rather than one.
  public var clientStreams: Bool { self == .clientStreaming || self == .bidirectional }
  /// Whether the server sends any number of messages, rather than one.
  public var serverStreams: Bool { self == .serverStreaming || self == .bidirectional }
}

/// A method: its name, and the messages it takes and gives.
public struct RPCMethod<Request: RPCMessage, Response: RPCMessage>: Sendable {
  /// `sugang.pay.v1.PayService`
  public let service: String
  /// `Approve`
  public let name: String
  /// `sugang.pay.v1.PayService/Approve`
  public let fullName: String
  /// FNV-1a with 64 bits of ``fullName``.
  public let hash: UInt64
  /// How many messages go each way, as the `.proto` file says.
  public let kind: RPCKind

  /// - Parameters:
  ///   - service: with its package: `sugang.pay.v1.PayService`.
  ///   - name: as the `.proto` file spells it: `Approve`.
  ///   - kind: how many messages go each way; the server's must be the same.
  public init(service: String, name: String, kind: RPCKind = .unary) {
    self.kind = kind
    self.service = service
    self.name = name
    self.fullName = "\(service)/\(name)"
    self.hash = MethodHash.hash(self.fullName)
  }
}
