import CourseCore
import Kernel
import Testing

@Suite("Delivering a textbook")
struct DeliveryTests {
  private let store = InMemoryCourseStore()
  private let order = TextbookOrder(
    paymentID: PaymentID(5), classID: ClassID(7), courseID: CourseID(3), student: "john-doe",
    textBook: "kor_book")

  @Test("T9: starts once for a payment, however often that is told")
  func deliversOnce() async throws {
    try await self.deliver()
    try await self.deliver()

    let delivery = Delivery(id: DeliveryID(1), order: self.order, status: .started)
    #expect(try await self.store.deliveries(of: ClassID(7)) == [delivery])
    #expect(self.store.events == [.textbookDeliveried(TextbookDeliveried(delivery: delivery))])
  }

  @Test("T15: is canceled once")
  func cancelsOnce() async throws {
    try await self.deliver()
    try await self.cancel()
    try await self.cancel()

    let canceled = Delivery(id: DeliveryID(1), order: self.order, status: .canceled)
    #expect(try await self.store.deliveries(of: ClassID(7)) == [canceled])
    #expect(
      self.store.events.dropFirst() == [.deliveryCanceled(DeliveryCanceled(delivery: canceled))])
  }

  @Test("T11: the other order, and repeats, end in the same delivery")
  func cancelsFirst() async throws {
    try await self.cancel()
    try await self.deliver()
    try await self.cancel()
    try await self.deliver()

    let canceled = Delivery(id: DeliveryID(1), order: self.order, status: .canceled)
    #expect(try await self.store.deliveries(of: ClassID(7)) == [canceled])
    #expect(self.store.events == [.deliveryCanceled(DeliveryCanceled(delivery: canceled))])
  }

  @Test("a course without a book has no delivery")
  func noBook() async throws {
    let order = TextbookOrder(
      paymentID: PaymentID(5), classID: ClassID(7), courseID: CourseID(3), student: "john-doe",
      textBook: "")

    try await self.deliver(order)
    try await self.cancel(order)

    #expect(try await self.store.deliveries(try PageRequest(), ofStudent: nil).items.isEmpty)
    #expect(self.store.events.isEmpty)
  }

  @Test("T36: a class id cannot stand in for a course id: the book is the one that was paid")
  func rightBook() async throws {
    try await self.deliver()

    let delivery = try await self.store.delivery(DeliveryID(1))
    #expect(delivery?.order.courseID == CourseID(3))
    #expect(delivery?.order.textBook == "kor_book")
  }

  @Test("keeps the seed's words for its states")
  func statusWords() {
    #expect(Delivery.Status.allCases.map(\.rawValue) == ["DELIVERY_START", "DELIVERY_CANCEL"])
  }

  private func deliver(_ order: TextbookOrder? = nil) async throws {
    let command = DeliverTextbook(order ?? self.order)
    try await self.store.transact(because: Cause(id: "pay-1-1")) { tx in
      try command.perform(in: tx)
    }
  }

  private func cancel(_ order: TextbookOrder? = nil) async throws {
    let command = CancelTextbook(order ?? self.order)
    try await self.store.transact(because: Cause(id: "pay-1-2")) { tx in
      try command.perform(in: tx)
    }
  }
}
