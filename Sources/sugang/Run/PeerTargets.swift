import FramedRPC
import SugangServices

/// Where the other services are, as text: `pay=dns:pay.internal:9083 course=unix:/run/course`.
enum PeerTargets {
  static func parse(_ text: String) throws(CommandFailure) -> [ServiceName: RPCTarget] {
    var targets: [ServiceName: RPCTarget] = [:]
    for entry in text.split(whereSeparator: \.isWhitespace) {
      let parts = entry.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else {
        throw CommandFailure("a peer is like pay=10.0.0.7:9083, not '\(entry)'")
      }
      guard let name = ServiceName(rawValue: String(parts[0])) else {
        let known = ServiceName.allCases.map(\.rawValue).joined(separator: ", ")
        throw CommandFailure("there is no service '\(parts[0])'; give one of \(known)")
      }
      guard let target = RPCTarget(String(parts[1])) else {
        throw CommandFailure(
          "'\(parts[1])' is no target; give HOST:PORT, unix:PATH, static:ADDRESS,ADDRESS, "
            + "dns:HOST:PORT or file:/PATH")
      }
      guard targets.updateValue(target, forKey: name) == nil else {
        throw CommandFailure("\(name.rawValue) is named twice; static: takes several addresses")
      }
    }
    return targets
  }

  static func text(_ targets: [ServiceName: RPCTarget]) -> String {
    targets.map { "\($0.key.rawValue)=\($0.value)" }.sorted().joined(separator: " ")
  }
}
