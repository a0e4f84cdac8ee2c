import AdaptorTestSupport
import Contracts
import Testing

@Suite("Pay's events")
struct PaySeedEventTests {
  @Test("T20: have the seed's names and its fields in one spelling")
  func seedShapes() {
    #expect(
      PayV1.PaymentApproved().seedShape
        == "PaymentApproved(id, classId, courseId, fee, student, status, textBook)")
    #expect(
      PayV1.PaymentCanceled().seedShape
        == "PaymentCanceled(id, classId, courseId, fee, student, status, textBook)")
  }
}
