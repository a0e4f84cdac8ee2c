import AdaptorTestSupport
import Contracts
import Testing

@Suite("Course's events")
struct CourseSeedEventTests {
  @Test("T20: have the seed's names and its fields in one spelling")
  func courses() {
    #expect(
      CourseV1.CourseRegistered().seedShape
        == "CourseRegistered(id, name, teacher, fee, textBook, capacity, maxPerStudent)")
    #expect(
      CourseV1.CourseModified().seedShape
        == "CourseModified(id, name, teacher, fee, textBook, capacity, maxPerStudent)")
    #expect(CourseV1.CourseDeleted().seedShape == "CourseDeleted(id, name, teacher)")
  }

  @Test("T20: of deliveries tell the class too, and that one is canceled, which the seed did not")
  func deliveries() {
    #expect(
      CourseV1.TextbookDeliveried().seedShape
        == "TextbookDeliveried(id, classId, paymentId, courseId, student, textBook, status)")
    #expect(
      CourseV1.DeliveryCanceled().seedShape
        == "DeliveryCanceled(id, classId, paymentId, courseId, student, textBook, status)")
  }
}
