import FramedRPC
import SugangServices
import Testing

@testable import sugang

@Suite("The settings of limits")
struct LimitSettingTests {
  @Test("adaptive, off, or a number; what is read is written the same")
  func reading() {
    for text in ["adaptive", "off", "1", "200", "65536"] {
      #expect(LimitSetting(text)?.text == text)
    }
    for text in ["", "0", "-1", "65537", "Adaptive", "on", "1.5"] {
      #expect(LimitSetting(text) == nil)
    }
  }

  @Test("each is a policy of its own")
  func policies() {
    #expect(LimitSetting.off.policy == nil)
    #expect(LimitSetting.adaptive.policy == ServiceSettings.standardAdmission)
    #expect(LimitSetting.fixed(7).policy?.limit == .fixed(7))
  }

  @Test("a REST port has other limits than an RPC port")
  func restPolicies() {
    #expect(LimitSetting.off.restPolicy == nil)
    #expect(LimitSetting.adaptive.restPolicy == ServiceSettings.standardRESTAdmission)
    #expect(LimitSetting.fixed(7).restPolicy?.limit == .fixed(7))
    #expect(ServiceSettings.standardRESTAdmission.maxQueueTime < .milliseconds(10))
    #expect(ServiceSettings.fixedRESTAdmission(7).maxQueueTime < .milliseconds(10))
  }

  @Test("a rate has a number, a unit and perhaps a burst; what is read is written the same")
  func rates() {
    for (text, policy) in [
      ("off", nil), ("100/s", RateLimitPolicy(permits: 100, per: .seconds(1), burst: 100)),
      ("6000/m:300", RateLimitPolicy(permits: 6_000, per: .seconds(60), burst: 300)),
      ("1/h", RateLimitPolicy(permits: 1, per: .seconds(3_600), burst: 1)),
    ] as [(String, RateLimitPolicy?)] {
      let setting = RateLimitSetting(text)
      #expect(setting?.text == text)
      #expect(setting?.policy == policy)
    }
    let wrong = [
      "", "100", "100/", "/s", "0/s", "1/s:0", "1/d", "1/s:", "1/s:2:3", "1.5/s", "-1/s",
    ]
    for text in wrong {
      #expect(RateLimitSetting(text) == nil)
    }
  }
}
