import AdaptorTestSupport
import Contracts
import JSON
import Kernel
import TestSupport
import Testing

@Suite("My pages over REST")
struct MyPageRESTTests {
  @Test("T23: my pages are only to be read", arguments: ["/inquiryMypages", "/inquiryMypages/1"])
  func readOnly(_ path: String) async throws {
    let myPage = try MyPageHarness()
    try await myPage.tell(try ClassStory(classID: 1).enrolled())
    try await myPage.withHTTP { http in
      let attempts = try await http.attemptsToWrite(path)
      #expect(attempts == HTTPClient.readOnly)
    }
  }

  @Test("W25: what is not known yet is a null, not a missing member")
  func nulls() async throws {
    let myPage = try MyPageHarness()
    try await myPage.tell([try ClassStory(classID: 1).classModified("simon")])
    try await myPage.withHTTP { http in
      let row = try await http.resource("/inquiryMypages/1")
      let unknown = [
        "paymentId", "textBook", "paymentStatus", "deliveryStatus", "pointStatus", "cashpoint",
        "giftstock",
      ]
      for name in unknown {
        #expect(row[name] == .null, "\(name)")
      }
      #expect(try row.text("status") == "CLASS_START")
    }
  }

  @Test("a row looks exactly so")
  func snapshot() async throws {
    let myPage = try MyPageHarness()
    try await myPage.tell(
      try ClassStory(classID: 1).enrolled().filter { $0.source != "course" })
    try await myPage.withHTTP { http in
      let response = try await http.request("GET", "/inquiryMypages/1")
      #expect(
        response.text == """
          {
            "classId" : 1,
            "courseId" : 7,
            "paymentId" : 101,
            "fee" : 10000,
            "textBook" : "kor_book",
            "student" : "john-doe",
            "status" : "CLASS_START",
            "paymentStatus" : "PAYMENT_COMPLETED",
            "deliveryStatus" : null,
            "pointStatus" : "Point Added",
            "cashpoint" : 100,
            "giftstock" : 1,
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/inquiryMypages/1"
              },
              "inquiryMypage" : {
                "href" : "http://sugang.test/inquiryMypages/1"
              }
            }
          }
          """)
    }
  }
}
