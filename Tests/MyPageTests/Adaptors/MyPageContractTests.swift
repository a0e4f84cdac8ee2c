import AdaptorTestSupport
import Contracts
import Kernel
import MyPageCore
import Testing

@Suite("The contract of MyPage's port")
struct MyPageContractTests {
  @Test(
    "W9: a row is found by id, class, payment, student and in the list", arguments: Way.allCases)
  func finds(_ way: Way) async throws {
    let myPage = try MyPageHarness()
    let story = ClassStory(classID: 1)
    try await myPage.tell(try story.enrolled())
    try await myPage.with(way) { port in
      let row = try story.enrolledRow()
      let page = try PageRequest()
      #expect(try await port.row(InquiryMypageID(1)).shown == row)
      #expect(try await port.rows(of: ClassID(1)).map(\.shown) == [row])
      #expect(try await port.rows(ofPayment: PaymentID(101)).map(\.shown) == [row])
      #expect(try await port.rows(ofStudent: "john-doe", page).items.map(\.shown) == [row])
      let all = try await port.rows(page)
      #expect(all.items.map(\.shown) == [row])
      #expect(all.totalElements == 1)
    }
  }

  @Test("W16: a canceled class shows that all of it was taken back", arguments: Way.allCases)
  func canceled(_ way: Way) async throws {
    let myPage = try MyPageHarness()
    let story = ClassStory(classID: 1)
    try await myPage.tell(try story.enrolled() + story.canceled())
    try await myPage.with(way) { port in
      #expect(
        try await port.rows(of: ClassID(1)).map(\.shown) == [try story.canceledRow()])
      let page = try PageRequest()
      #expect(try await port.rows(ofStudent: "john-doe", page).totalElements == 0)
      #expect(try await port.rows(ofStudent: "simon", page).totalElements == 1)
    }
  }

  @Test("what was not told yet is nothing rather than a zero", arguments: Way.allCases)
  func unknown(_ way: Way) async throws {
    let myPage = try MyPageHarness()
    let story = ClassStory(classID: 1)
    try await myPage.tell([try story.classModified("simon")])
    try await myPage.with(way) { port in
      let row = InquiryMypage(
        classID: ClassID(1), terms: try story.terms("simon"),
        status: .started, heard: Heard())
      #expect(try await port.row(InquiryMypageID(1)).shown == row)
    }
  }

  @Test("T12: a row is not shown before it is known whose it is", arguments: Way.allCases)
  func hidden(_ way: Way) async throws {
    let myPage = try MyPageHarness()
    let story = ClassStory(classID: 1)
    try await myPage.tell(
      try story.enrolled().filter { ["course", "point", "gift"].contains($0.source) })
    try await myPage.with(way) { port in
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.row(InquiryMypageID(1))
      }
      #expect((error as? any DomainError)?.problem.code == "not-found")
      let page = try await port.rows(try PageRequest())
      #expect(page.totalElements == 0)
      #expect(try await port.rows(of: ClassID(1)).isEmpty)
    }
  }

  @Test("nobody's class, payment or name finds nothing", arguments: Way.allCases)
  func knowsNoOther(_ way: Way) async throws {
    let myPage = try MyPageHarness()
    try await myPage.tell(try ClassStory(classID: 1).enrolled())
    try await myPage.with(way) { port in
      #expect(try await port.rows(of: ClassID(2)).isEmpty)
      #expect(try await port.rows(ofPayment: PaymentID(1)).isEmpty)
      let nobodys = try await port.rows(ofStudent: "nobody", try PageRequest())
      #expect(nobodys.items.isEmpty)
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.row(InquiryMypageID(99))
      }
      #expect((error as? any DomainError)?.problem.kind == .notFound)
    }
  }

  @Test("a student's rows are paged and sorted, by each field", arguments: Way.allCases)
  func pages(_ way: Way) async throws {
    let myPage = try MyPageHarness()
    for number in Int64(1)...5 {
      let story = ClassStory(classID: number, after: number * 10, fee: number * 1000)
      try await myPage.tell(try story.enrolled())
    }
    let other = ClassStory(classID: 6, after: 60, student: "simon")
    try await myPage.tell([try other.classRegistered()])
    try await myPage.with(way) { port in
      for field in ["id", "classId", "paymentId", "fee", "cashpoint"] {
        let request = try PageRequest(
          number: 1, size: 2, sort: [SortKey(field: field, descending: true)])
        let page = try await port.rows(ofStudent: "john-doe", request)
        #expect(page.items.map(\.classID.value) == [3, 2], "sorted by \(field)")
        #expect(page.totalElements == 5)
        #expect(page.totalPages == 3)
      }
      let rest = [
        "courseId", "textBook", "student", "status", "paymentStatus", "deliveryStatus",
        "pointStatus", "giftstock",
      ]
      for field in rest {
        let page = try await port.rows(try PageRequest(sort: [SortKey(field: field)]))
        #expect(page.totalElements == 6, "sorted by \(field)")
      }
    }
  }

  @Test("a sort key that is no field is refused by name", arguments: Way.allCases)
  func refusesUnknownSort(_ way: Way) async throws {
    let myPage = try MyPageHarness()
    try await myPage.with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "heard")])
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.rows(request)
      }
      #expect((error as? any DomainError)?.problem.fields.map(\.field) == ["sort"])
    }
  }
}
