import FramedRPC
import SugangServices
import Testing

@testable import sugang

@Suite("The setting of the RPC limit")
struct RPCLimitSettingTests {
  @Test("adaptive, off, or a number; what is read is written the same")
  func reading() {
    for text in ["adaptive", "off", "1", "200", "65536"] {
      #expect(RPCLimitSetting(text)?.text == text)
    }
    for text in ["", "0", "-1", "65537", "Adaptive", "on", "1.5"] {
      #expect(RPCLimitSetting(text) == nil)
    }
  }

  @Test("each is a policy of its own")
  func policies() {
    #expect(RPCLimitSetting.off.policy == nil)
    #expect(RPCLimitSetting.adaptive.policy == ServiceSettings.standardAdmission)
    #expect(RPCLimitSetting.fixed(7).policy?.limit == .fixed(7))
  }
}
