import FramedRPC
import SugangServices

/// What `--rpc-limit` and `--rest-limit` can say.
enum LimitSetting: Hashable, Sendable {
  case adaptive
  case fixed(Int)
  case off

  static let most = 65_536

  init?(_ text: String) {
    switch text {
    case "adaptive": self = .adaptive
    case "off": self = .off
    default:
      guard let limit = Int(text), (1...Self.most).contains(limit) else { return nil }
      self = .fixed(limit)
    }
  }

  var text: String {
    switch self {
    case .adaptive: "adaptive"
    case .fixed(let limit): "\(limit)"
    case .off: "off"
    }
  }

  var policy: AdmissionPolicy? {
    switch self {
    case .adaptive: ServiceSettings.standardAdmission
    case .fixed(let limit): ServiceSettings.fixedAdmission(limit)
    case .off: nil
    }
  }

  var restPolicy: AdmissionPolicy? {
    switch self {
    case .adaptive: ServiceSettings.standardRESTAdmission
    case .fixed(let limit): ServiceSettings.fixedRESTAdmission(limit)
    case .off: nil
    }
  }
}
