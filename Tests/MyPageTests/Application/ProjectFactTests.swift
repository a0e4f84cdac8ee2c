import Kernel
import MyPageCore
import Testing

@Suite("Projecting facts into my page")
struct ProjectFactTests {
  private let store = InMemoryMyPageStore()

  private var myPage: MyPageApplication { MyPageApplication(store: self.store) }

  @Test("keeps one row a class, found by id, class, payment and student")
  func finds() async throws {
    try self.tell(try MyPageHistory.enrolled())

    let row = try await self.myPage.row(InquiryMypageID(7))
    #expect(row == MyPageHistory.row(of: try MyPageHistory.enrolled()))
    #expect(try await self.myPage.rows(try PageRequest()).items == [row])
    #expect(try await self.myPage.rows(of: ClassID(7)) == [row])
    #expect(try await self.myPage.rows(ofPayment: PaymentID(5)) == [row])
    #expect(try await self.myPage.rows(ofStudent: "john-doe", try PageRequest()).items == [row])
    #expect(try await self.myPage.rows(ofStudent: "simon", try PageRequest()).items.isEmpty)
  }

  @Test("T9: facts told again save nothing")
  func repeats() throws {
    try self.tell(try MyPageHistory.canceled())
    let saves = self.store.saves

    try self.tell(try MyPageHistory.canceled().reversed())

    #expect(self.store.saves == saves)
  }

  @Test("does not show a row before it is known whose class it is")
  func hidden() async throws {
    try self.tell([MyPageHistory.fact(40, .textbookDeliveried)])

    #expect(try await self.myPage.rows(of: ClassID(7)).isEmpty)
    await #expect(throws: MyPageError.notFound(InquiryMypageID(7))) {
      try await self.myPage.row(InquiryMypageID(7))
    }
  }

  private func tell(_ facts: [MyPageFact]) throws {
    for fact in facts {
      try self.store.transact { try ProjectFact(fact).perform(in: $0) }
    }
  }
}
