import AdaptorSupport
import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import Kernel
import MyPageAdaptors
import MyPageCore
import Testing

@Suite("MyPage on the events of five services")
struct MyPageEventTests {
  @Test(
    "T9, T11, T12: two classes told twice, five services in any order, end in the same rows",
    arguments: EventPath.allCases)
  func anyOrder(_ delivery: EventPath) async throws {
    let first = ClassStory(classID: 1)
    let second = ClassStory(classID: 2, after: 3, fee: 20_000, student: "hong")
    let history = try first.enrolled() + first.canceled() + second.enrolled()
    for seed in UInt64(1)...8 {
      let myPage = try MyPageHarness()
      try await myPage.tell(history.twiceShuffled(seed: seed), delivery)
      let rows = try await myPage.application.rows(
        try PageRequest(sort: [SortKey(field: "classId")])
      ).items
      #expect(
        rows.map(\.shown) == [try first.canceledRow(), try second.enrolledRow()],
        "seed \(seed)")
    }
  }

  @Test("T9: what was heard is the newest of each source, and an older event changes nothing")
  func versions() async throws {
    let myPage = try MyPageHarness()
    let story = ClassStory(classID: 1, after: 40)
    try await myPage.tell(try story.enrolled() + story.canceled())
    let row = try await myPage.application.row(InquiryMypageID(1))
    #expect(
      row.heard
        == Heard(enrollment: 43, textBook: 43, pay: 42, delivery: 42, point: 42, gift: 42))
    try await myPage.tell(try story.enrolled(), .pastInbox)
    #expect(try await myPage.application.row(InquiryMypageID(1)) == row)
  }

  @Test("T13: a canceled class alone cancels neither payment nor delivery")
  func owners() async throws {
    let myPage = try MyPageHarness()
    let story = ClassStory(classID: 1)
    try await myPage.tell(
      try story.enrolled() + story.canceled().filter { $0.source == "class" })
    let row = try await myPage.application.row(InquiryMypageID(1))
    #expect(row.status == .canceled)
    #expect(row.paymentStatus == .completed)
    #expect(row.deliveryStatus == .started)
  }

  @Test("W25, W26: while Delivery is down its status is nothing, then it comes by itself")
  func deliveryLate() async throws {
    let myPage = try MyPageHarness()
    let events = try ClassStory(classID: 1).enrolled()
    try await myPage.tell(events.filter { $0.source != "course" })
    let before = try await myPage.application.row(InquiryMypageID(1))
    #expect(before.deliveryStatus == nil)
    #expect(before.pointStatus == .added)
    try await myPage.tell(events)
    let after = try await myPage.application.row(InquiryMypageID(1))
    #expect(after.deliveryStatus == .started)
  }

  @Test("T14: an event that is no message parks its own class, of its own source, only")
  func parksPoison() async throws {
    let myPage = try MyPageHarness()
    let first = ClassStory(classID: 1)
    let second = ClassStory(classID: 2, after: 3)
    let intake = myPage.harness.intake(MyPageEventAdaptor(source: "class"))
    try await intake.take(
      [
        try first.classRegistered().poisoned, try first.classModified("simon"),
        try second.classRegistered(),
      ], logID: "log")
    try await myPage.tell([try first.paymentApproved(), try second.paymentApproved()])
    let rows = try await myPage.application.rows(
      try PageRequest(sort: [SortKey(field: "classId")])
    ).items
    #expect(rows.map(\.terms?.student) == ["john-doe", "john-doe"])
    #expect(rows.map(\.heard.enrollment) == [0, 4])
    #expect(rows.map(\.paymentStatus) == [.completed, .completed])
  }

  @Test("T7: a fee that no money can be is poison, not a row")
  func refusesNegative() async throws {
    let myPage = try MyPageHarness()
    try await myPage.tell([try ClassStory(classID: 1, fee: -1).classRegistered()])
    #expect(try await myPage.application.rows(try PageRequest()).totalElements == 0)
    let intake = myPage.harness.intake(MyPageEventAdaptor(source: "class"))
    #expect(try await intake.cursor() == 1)
  }

  @Test("an event that my page does not show passes by")
  func ignoresOthers() async throws {
    let myPage = try MyPageHarness()
    let registered = try EventsV1.Event.told(
      "course", 1, about: .course(CourseID(7)), CourseV1.CourseRegistered(id: 7, name: "korean"))
    try await myPage.tell([registered])
    let intake = myPage.harness.intake(MyPageEventAdaptor(source: "course"))
    #expect(try await intake.cursor() == 1)
    #expect(try await myPage.application.rows(try PageRequest()).totalElements == 0)
  }

  @Test(
    "asks a source for the types it has a policy for, and for no others",
    arguments: MyPageEventAdaptor.sources)
  func types(_ source: String) async throws {
    let myPage = try MyPageHarness()
    let handler = MyPageEventAdaptor(source: source)
    let handled = try await handler.handledTypes(in: myPage.harness)
    #expect(handled.sorted() == handler.types.sorted())
  }
}
