import AdaptorTestSupport
import Contracts
import Testing

@Suite("Enrollment's events")
struct ClassSeedEventTests {
  @Test("T20: have the seed's names and its fields in one spelling")
  func seedShapes() {
    #expect(
      EnrollmentV1.ClassRegistered().seedShape
        == "ClassRegistered(id, courseId, fee, student, textBook)")
    #expect(
      EnrollmentV1.ClassModified().seedShape == "ClassModified(id, courseId, fee, student)")
    #expect(
      EnrollmentV1.ClassCanceled().seedShape
        == "ClassCanceled(id, courseId, fee, student, textBook)")
  }
}
