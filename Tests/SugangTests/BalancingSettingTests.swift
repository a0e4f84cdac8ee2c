import FramedRPC
import SugangServices
import Testing

@testable import sugang

@Suite("Which of several addresses is called")
struct BalancingSettingTests {
  @Test("each name is a policy; the standard one is that of the library")
  func policies() {
    #expect(BalancingSetting(rawValue: "least-loaded")?.policy == .leastLoaded)
    #expect(BalancingSetting(rawValue: "round-robin")?.policy == .roundRobin)
    #expect(BalancingSetting(rawValue: "pick-first")?.policy == .pickFirst)
    #expect(
      BalancingSetting(rawValue: "weighted")?.policy
        == .weightedRoundRobin(WeightedRoundRobinPolicy(reports: .outOfBand())))
    for wrong in ["", "Round-robin", "random", "leastLoaded"] {
      #expect(BalancingSetting(rawValue: wrong) == nil)
    }
  }

  @Test("what is read is written the same for a child; another name is refused with all there are")
  func settings() throws {
    let set = try PeerOptions.settings(peers: "pay=static:a:1,b:2", balancing: "weighted")
    #expect(set.balancing == .weighted)
    #expect(
      PeerOptions.flags(set.peers, set.balancing)
        == ["--peers", "pay=static:a:1,b:2", "--balancing", "weighted"])
    let standard = try PeerOptions.settings(peers: "", balancing: "least-loaded")
    #expect(standard.peers.isEmpty)
    #expect(standard.balancing.policy == ClientPolicy().balancing)
    #expect(
      PeerOptions.flags(standard.peers, standard.balancing) == ["--balancing", "least-loaded"])
    let error = #expect(throws: CommandFailure.self) {
      try PeerOptions.settings(peers: "", balancing: "fair")
    }
    let message = error?.message ?? ""
    #expect(message.contains("not 'fair'"))
    for known in BalancingSetting.allCases { #expect(message.contains("'\(known.rawValue)'")) }
  }
}
