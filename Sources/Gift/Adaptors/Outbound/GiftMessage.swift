import AdaptorSupport
import Contracts
import FramedRPC
import GiftCore
import Kernel

extension GiftV1.Gift {
  init(_ gift: Gift) {
    self.init(
      id: gift.id.value, classID: gift.classID.value, fee: gift.fee.won, student: gift.student,
      giftstock: gift.giftstock, paymentID: gift.paymentID.value, status: gift.status.rawValue)
  }
}

extension Gift {
  /// - Throws: when the server sent what no gift can be.
  init(_ message: GiftV1.Gift) throws {
    guard let status = Status(rawValue: message.status) else {
      throw RPCError(.internal, "'\(message.status)' is no status of a gift")
    }
    self.init(
      id: GiftID(message.id), paymentID: PaymentID(message.paymentID),
      classID: ClassID(message.classID), fee: try Money(won: message.fee, field: "fee"),
      student: message.student, status: status)
  }
}
