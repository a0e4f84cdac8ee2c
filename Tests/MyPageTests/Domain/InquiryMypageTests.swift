import AdaptorTestSupport
import Kernel
import MyPageCore
import Testing

@Suite("A row of my page")
struct InquiryMypageTests {
  @Test("W9: shows the class, its payment, delivery, points and gifts")
  func enrolled() throws {
    let row = MyPageHistory.row(of: try MyPageHistory.enrolled())

    #expect(row.terms == (try MyPageHistory.terms()))
    #expect(row.textBook == "kor_book")
    #expect(row.paymentID == PaymentID(5))
    #expect(row.status?.rawValue == "CLASS_START")
    #expect(row.paymentStatus?.rawValue == "PAYMENT_COMPLETED")
    #expect(row.deliveryStatus?.rawValue == "DELIVERY_START")
    #expect(row.pointStatus?.rawValue == "Point Added")
    #expect(row.cashpoint == 100)
    #expect(row.giftstock == 1)
  }

  @Test("W16: shows that all of it is taken back")
  func canceled() throws {
    let row = MyPageHistory.row(of: try MyPageHistory.canceled())

    #expect(row.terms?.student == "simon")
    #expect(row.status?.rawValue == "CLASS_CANCELED")
    #expect(row.paymentStatus?.rawValue == "PAYMENT_CANCELED")
    #expect(row.deliveryStatus?.rawValue == "DELIVERY_CANCELED")
    #expect(row.pointStatus?.rawValue == "Point Canceled")
    #expect(row.cashpoint == 0)
    #expect(row.giftstock == 0)
  }

  @Test("T9, T11, T12: any order of the facts, with repeats, gives the same row")
  func anyOrder() throws {
    let history = try MyPageHistory.canceled()
    let expected = MyPageHistory.row(of: history)
    for seed in UInt64(1)...500 {
      var generator = SeededGenerator(seed: seed)
      var told = history
      for _ in 0..<6 { told += history.randomElement(using: &generator).map { [$0] } ?? [] }
      told.shuffle(using: &generator)
      #expect(MyPageHistory.row(of: told) == expected, "seed \(seed)")
    }
  }

  @Test("T9, T11: any part of the history gives the same row in any order")
  func anyPart() throws {
    let history = try MyPageHistory.canceled()
    for seed in UInt64(1)...500 {
      var generator = SeededGenerator(seed: seed)
      let part = history.filter { _ in Bool.random(using: &generator) }
      let expected = MyPageHistory.row(of: part)
      let shuffled = part.shuffled(using: &generator)
      #expect(MyPageHistory.row(of: shuffled) == expected, "seed \(seed)")
    }
  }

  @Test("sources that contradict each other give the same row in any order, too")
  func contradictions() throws {
    let facts = try [
      MyPageHistory.fact(1, .classRegistered(MyPageHistory.terms("a", fee: 1), textBook: "x")),
      MyPageHistory.fact(2, .classModified(MyPageHistory.terms("b", fee: 2))),
      MyPageHistory.fact(
        3, .paymentApproved(PaymentID(1), MyPageHistory.terms("c", fee: 3), textBook: "y")),
      MyPageHistory.fact(
        4, .paymentCanceled(PaymentID(2), MyPageHistory.terms("d", fee: 4), textBook: "z")),
    ]
    let expected = MyPageHistory.row(of: facts)
    #expect(expected.terms?.student == "b")
    #expect(expected.textBook == "x")
    for seed in UInt64(1)...100 {
      var generator = SeededGenerator(seed: seed)
      #expect(MyPageHistory.row(of: facts.shuffled(using: &generator)) == expected)
    }
  }

  @Test("T13: only the owner's fact changes its status")
  func owners() throws {
    var row = MyPageHistory.row(of: try MyPageHistory.enrolled())

    row.apply(
      MyPageHistory.fact(12, .classCanceled(try MyPageHistory.terms(), textBook: "kor_book")))

    #expect(row.status == .canceled)
    #expect(row.paymentStatus == .completed)
    #expect(row.deliveryStatus == .started)
  }

  @Test("a payment tells of the class until Enrollment does")
  func payFirst() throws {
    let terms = try MyPageHistory.terms()
    var row = MyPageHistory.row(of: [
      MyPageHistory.fact(20, .paymentApproved(PaymentID(5), terms, textBook: "kor_book"))
    ])

    #expect(row.status == .started)
    #expect(row.terms == terms)

    row.apply(MyPageHistory.fact(1, .classCanceled(terms, textBook: "kor_book")))
    #expect(row.status == .canceled)
  }

  @Test("is hidden until it is known whose class it is")
  func visibility() throws {
    var row = MyPageHistory.row(of: [
      MyPageHistory.fact(40, .textbookDeliveried),
      MyPageHistory.fact(50, .pointRegistered(cashpoint: 100)),
      MyPageHistory.fact(60, .giftRegistered(giftstock: 1)),
    ])
    #expect(!row.isVisible)

    row.apply(MyPageHistory.fact(9, .classModified(try MyPageHistory.terms())))
    #expect(row.isVisible)
  }
}
