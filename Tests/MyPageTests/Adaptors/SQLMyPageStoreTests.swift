import AdaptorSupport
import AdaptorTestSupport
import Kernel
import MyPageAdaptors
import MyPageCore
import Storage
import Testing

@Suite("My pages in SQL")
struct SQLMyPageStoreTests {
  @Test(
    "a word that this version does not know is never guessed at",
    arguments: ["status", "payment_status", "delivery_status", "point_status"])
  func unknownWords(_ column: String) async throws {
    let myPage = try MyPageHarness()
    try await myPage.tell(try ClassStory(classID: 1).enrolled())
    let (harness, application) = (myPage.harness, myPage.application)
    try await harness.database.write { connection in
      try connection.execute("UPDATE inquiry_mypage SET \(column) = 'FROM_THE_FUTURE'")
    }
    await #expect(
      throws: UnknownStoredValue(column: "inquiry_mypage.\(column)", value: "FROM_THE_FUTURE")
    ) {
      _ = try await application.rows(of: ClassID(1))
    }
  }

  @Test("rows that an older version numbered by arrival are named by their classes")
  func renumbers() async throws {
    let harness = try await ContextHarness(
      source: "mypage", migrations: SQLMyPageStore.migrations, without: ["mypage-002"],
      filledBy: """
        INSERT INTO inquiry_mypage
        VALUES (1, 2, 7, 10000, 'john-doe', 'kor_book', 'CLASS_START', 102, NULL, NULL, NULL, NULL,
          NULL, 5, 5, 6, 0, 0, 0),
          (2, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'DELIVERY_START', NULL, NULL, NULL, 0, 0,
          0, 9, 0, 0)
        """)
    let application = MyPageApplication(store: SQLMyPageStore(harness.context))
    let row = try await application.row(InquiryMypageID(2))
    #expect(row.classID == ClassID(2))
    #expect(row.terms?.student == "john-doe")
    #expect(row.paymentID == PaymentID(102))
    #expect(row.heard == Heard(enrollment: 5, textBook: 5, pay: 6))
    #expect(try await application.rows(ofPayment: PaymentID(102)) == [row])
    #expect(try await application.rows(ofStudent: "john-doe", try PageRequest()).items == [row])
    await #expect(throws: MyPageError.notFound(InquiryMypageID(1))) {
      try await application.row(InquiryMypageID(1))
    }
    let hidden = try await harness.database.read {
      try $0.integer("SELECT heard_delivery FROM inquiry_mypage WHERE class_id = 1")
    }
    #expect(hidden == 9)
  }
}
