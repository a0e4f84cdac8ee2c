import ArgumentParser
import Configuration
import FramedRPC
import SugangServices

/// How a service finds the others, and which of several addresses it calls.
struct PeerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Where other services are, such as 'pay=dns:pay.internal:9083 course=file:/etc/course': \
      HOST:PORT, unix:PATH, static:ADDRESS,ADDRESS, dns:HOST:PORT or file:/PATH. Several addresses \
      of a service must answer from the same data (SUGANG_PEERS; default: on this machine).
      """,
      valueName: "service=target …"))
  var peers: String?

  @Option(
    help: ArgumentHelp(
      """
      Which of several addresses of a service is called next: 'least-loaded' for the better of two \
      picked at random, by latency and calls in flight; 'round-robin'; 'weighted' for turns by the \
      load that the services report; or 'pick-first' for the first that works (SUGANG_BALANCING; \
      default: least-loaded).
      """,
      valueName: "policy"))
  var balancing: String?

  static let textKeys = ["balancing", "peers"]

  /// What the flags say.
  var values: [AbsoluteConfigKey: ConfigValue] {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    values["balancing"] = self.balancing.map { ConfigValue(.string($0), isSecret: false) }
    values["peers"] = self.peers.map { ConfigValue(.string($0), isSecret: false) }
    return values
  }

  /// What the texts of all sources together say.
  static func settings(
    peers: String, balancing: String
  ) throws(CommandFailure) -> (peers: [ServiceName: RPCTarget], balancing: BalancingSetting) {
    guard let setting = BalancingSetting(rawValue: balancing) else {
      throw CommandFailure(
        "the balancing is 'least-loaded', 'round-robin', 'weighted' or 'pick-first', "
          + "not '\(balancing)'")
    }
    return (try PeerTargets.parse(peers), setting)
  }

  /// The flags that say the same.
  static func flags(
    _ peers: [ServiceName: RPCTarget], _ balancing: BalancingSetting
  ) -> [String] {
    (peers.isEmpty ? [] : ["--peers", PeerTargets.text(peers)])
      + ["--balancing", balancing.rawValue]
  }
}
