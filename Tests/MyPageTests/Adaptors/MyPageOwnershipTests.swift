import AdaptorTestSupport
import Kernel
import MyPageCore
import Testing

@Suite("T22: whose page MyPage's port shows")
struct MyPageOwnershipTests {
  /// Whom ``ClassStory`` is about.
  private static let reader = Caller(
    Subject(name: "john-doe", roles: [.student]), requestID: "request-j")

  @Test("a student sees their own rows alone, an operator all", arguments: Way.allCases)
  func reads(_ way: Way) async throws {
    let myPage = try MyPageHarness()
    try await myPage.tell(try ClassStory(classID: 1).enrolled())
    let page = try PageRequest()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await myPage.with(way) { (port: any MyPagePort) async throws -> Void in
        #expect(
          try await port.row(InquiryMypageID(1), by: Self.reader).terms?.student == "john-doe")
        let hidden = await problem { try await port.row(InquiryMypageID(1), by: .studentA) }
        #expect(hidden?.kind == .notFound)
        #expect(try await port.rows(page, by: Self.reader).totalElements == 1)
        #expect(try await port.rows(page, by: .admin).totalElements == 1)
        #expect(try await port.rows(page, by: .studentA).totalElements == 0)
        #expect(try await port.rows(of: ClassID(1), by: Self.reader).count == 1)
        #expect(try await port.rows(of: ClassID(1), by: .studentA).isEmpty)
        #expect(try await port.rows(ofPayment: PaymentID(101), by: Self.reader).count == 1)
        #expect(try await port.rows(ofPayment: PaymentID(101), by: .studentA).isEmpty)
        let own = try await port.rows(ofStudent: "john-doe", page, by: Self.reader)
        #expect(own.totalElements == 1)
        let others = await problem {
          try await port.rows(ofStudent: "john-doe", page, by: .studentA)
        }
        #expect(others?.code == "not-owner")
      }
    }
  }
}
