import AlertAdaptors
import AlertCore
import Synchronization
import Testing

@Suite("Alerts on the console")
struct ConsoleAlertSenderTests {
  @Test("T28: an ordinary line names nobody and says nothing personal")
  func redacts() async throws {
    let info = Mutex<[String]>([])
    let debug = Mutex<[String]>([])
    let sender = ConsoleAlertSender(
      info: { line in info.withLock { $0.append(line()) } },
      debug: { line in debug.withLock { $0.append(line()) } })
    try await sender.send(AlertStory.paidAlert())
    #expect(info.withLock { $0 } == ["alert 1 sent by KAKAO: PaymentApproved"])
    #expect(
      debug.withLock { $0 } == ["alert 1 to john-doe: You paid 10000 won for class 1."])
  }
}
