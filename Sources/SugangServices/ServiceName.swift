/// The eight services, by the seed's names.
public enum ServiceName: String, CaseIterable, Hashable, Sendable {
  case course
  case `class`
  case pay
  case point
  case gift
  case alert
  case mypage
  case gateway

  /// Ports as the seed numbers them; the gateway's is the public one.
  public var restPort: Int {
    switch self {
    case .class: 8081
    case .course: 8082
    case .pay: 8083
    case .alert: 8084
    case .mypage: 8085
    case .point: 8087
    case .gateway: 8088
    case .gift: 8091
    }
  }

  public var rpcPort: Int { self.restPort + Self.rpcPortDistance }

  /// How far the RPC port of every service is above its REST port.
  public static let rpcPortDistance = 1000
}
