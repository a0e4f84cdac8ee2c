import Kernel

/// What a student sees of one class: a view made of what five contexts told (R15, R17).
///
/// Facts may come in any order, and twice; the row ends the same (traps T9, T11, T12). Each source
/// has fields of its own, which only its newest fact sets (trap T13). What a class is about is told
/// by Enrollment and by Pay; Enrollment's word counts, Pay's only until Enrollment has spoken.
/// The row is a function of the facts alone: built from them again, it is the same.
package struct InquiryMypage: Hashable, Sendable {
  package let classID: ClassID
  package private(set) var terms: ClassTerms?
  package private(set) var textBook: String?
  package private(set) var status: ClassStatus?
  package private(set) var paymentID: PaymentID?
  package private(set) var paymentStatus: PaymentStatus?
  package private(set) var deliveryStatus: DeliveryStatus?
  package private(set) var pointStatus: PointStatus?
  package private(set) var cashpoint: Int64?
  package private(set) var giftstock: Int32?
  package private(set) var heard: Heard

  /// A row of which nothing is known yet.
  package init(classID: ClassID) {
    self.init(classID: classID, heard: Heard())
  }

  /// A row as it was kept.
  package init(
    classID: ClassID, terms: ClassTerms? = nil, textBook: String? = nil,
    status: ClassStatus? = nil, paymentID: PaymentID? = nil, paymentStatus: PaymentStatus? = nil,
    deliveryStatus: DeliveryStatus? = nil, pointStatus: PointStatus? = nil,
    cashpoint: Int64? = nil, giftstock: Int32? = nil, heard: Heard
  ) {
    self.classID = classID
    self.terms = terms
    self.textBook = textBook
    self.status = status
    self.paymentID = paymentID
    self.paymentStatus = paymentStatus
    self.deliveryStatus = deliveryStatus
    self.pointStatus = pointStatus
    self.cashpoint = cashpoint
    self.giftstock = giftstock
    self.heard = heard
  }

  /// The class's number: a number by arrival would depend on which source was heard first.
  package var id: InquiryMypageID { InquiryMypageID(self.classID.value) }

  /// A row is shown once it is known whose class it is.
  package var isVisible: Bool { self.terms != nil }

  /// Takes what is new in `fact`; nothing when it is old or was told before.
  package mutating func apply(_ fact: MyPageFact) {
    let sequence = fact.sequence
    switch fact.news {
    case .classRegistered(let terms, let textBook):
      self.enrollmentTold(.started, terms, sequence)
      self.enrollmentTold(textBook, sequence)
    case .classModified(let terms):
      self.enrollmentTold(.started, terms, sequence)
    case .classCanceled(let terms, let textBook):
      self.enrollmentTold(.canceled, terms, sequence)
      self.enrollmentTold(textBook, sequence)
    case .paymentApproved(let id, let terms, let textBook):
      self.payTold(.completed, id, terms, textBook, sequence)
    case .paymentCanceled(let id, let terms, let textBook):
      self.payTold(.canceled, id, terms, textBook, sequence)
    case .textbookDeliveried:
      self.deliveryTold(.started, sequence)
    case .deliveryCanceled:
      self.deliveryTold(.canceled, sequence)
    case .pointRegistered(let cashpoint):
      self.pointTold(.added, cashpoint, sequence)
    case .pointCanceled:
      self.pointTold(.canceled, 0, sequence)
    case .giftRegistered(let giftstock):
      self.giftTold(giftstock, sequence)
    case .giftCanceled:
      self.giftTold(0, sequence)
    }
  }

  private mutating func enrollmentTold(
    _ status: ClassStatus, _ terms: ClassTerms, _ sequence: Int64
  ) {
    guard Heard.advance(&self.heard.enrollment, to: sequence) else { return }
    self.status = status
    self.terms = terms
  }

  /// Apart from the terms, because not each fact of Enrollment tells the book.
  private mutating func enrollmentTold(_ textBook: String, _ sequence: Int64) {
    guard Heard.advance(&self.heard.textBook, to: sequence) else { return }
    self.textBook = textBook
  }

  private mutating func payTold(
    _ status: PaymentStatus, _ id: PaymentID, _ terms: ClassTerms, _ textBook: String,
    _ sequence: Int64
  ) {
    guard Heard.advance(&self.heard.pay, to: sequence) else { return }
    self.paymentStatus = status
    self.paymentID = id
    if self.heard.enrollment == 0 {
      self.status = .started
      self.terms = terms
    }
    if self.heard.textBook == 0 { self.textBook = textBook }
  }

  private mutating func deliveryTold(_ status: DeliveryStatus, _ sequence: Int64) {
    guard Heard.advance(&self.heard.delivery, to: sequence) else { return }
    self.deliveryStatus = status
  }

  private mutating func pointTold(
    _ status: PointStatus, _ cashpoint: Int64, _ sequence: Int64
  ) {
    guard Heard.advance(&self.heard.point, to: sequence) else { return }
    self.pointStatus = status
    self.cashpoint = cashpoint
  }

  private mutating func giftTold(_ giftstock: Int32, _ sequence: Int64) {
    guard Heard.advance(&self.heard.gift, to: sequence) else { return }
    self.giftstock = giftstock
  }
}
