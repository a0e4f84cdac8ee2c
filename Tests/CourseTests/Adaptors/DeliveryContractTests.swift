import AdaptorTestSupport
import CourseCore
import EventLog
import Kernel
import Testing

@Suite("The contract of Course's port: deliveries")
struct DeliveryContractTests {
  @Test("a delivery is found by id, by class and in the list", arguments: Way.allCases)
  func finds(_ way: Way) async throws {
    let courses = try CourseHarness()
    let order = TextbookOrder(
      paymentID: PaymentID(5), classID: ClassID(1), courseID: CourseID(3), student: "john-doe",
      textBook: "kor_book")
    try await courses.intake.take(
      [
        PaymentNews.approved(1), PaymentNews.approved(2, payment: 6, class: 2),
        PaymentNews.canceled(3, payment: 6, class: 2),
      ], logID: "log")
    try await courses.with(way) { port in
      let first = Delivery(id: DeliveryID(1), order: order, status: .started)
      #expect(try await port.delivery(DeliveryID(1)) == first)
      #expect(try await port.deliveries(of: ClassID(1)) == [first])
      #expect(try await port.deliveries(of: ClassID(2)).map(\.status) == [.canceled])
      #expect(try await port.deliveries(of: ClassID(3)).isEmpty)
      let request = try PageRequest(
        size: 1, sort: [SortKey(field: "paymentId", descending: true)])
      let page = try await port.deliveries(request)
      #expect(page.items.map(\.order.paymentID.value) == [6])
      #expect(page.totalElements == 2)
    }
  }
}
