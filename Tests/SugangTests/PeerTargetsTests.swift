import FramedRPC
import SugangServices
import Testing

@testable import sugang

@Suite("Where the other services are, as text")
struct PeerTargetsTests {
  @Test("each service by name, and back again for a child's command line")
  func parses() throws {
    let text = "course=file:/etc/course pay=dns:pay.internal:9083 point=static:a:1,b:2"
    let targets = try PeerTargets.parse(text)
    #expect(
      targets == [
        .course: .file("/etc/course"), .pay: .dns(host: "pay.internal", port: 9083),
        .point: .fixed([.tcp(host: "a", port: 1), .tcp(host: "b", port: 2)]),
      ])
    #expect(PeerTargets.text(targets) == text)
    #expect(try PeerTargets.parse(" \n ").isEmpty)
  }

  @Test(
    "what is no such text is refused with the reason",
    arguments: [
      ("pay", "a peer is like pay=10.0.0.7:9083, not 'pay'"),
      ("pya=a:1", "there is no service 'pya'"), ("pay=somewhere", "'somewhere' is no target"),
      ("pay=a:1 pay=b:1", "pay is named twice"),
    ])
  func refuses(_ text: String, _ reason: String) throws {
    let error = try #require(throws: CommandFailure.self) { _ = try PeerTargets.parse(text) }
    #expect(error.message.contains(reason), "\(error.message)")
  }
}
