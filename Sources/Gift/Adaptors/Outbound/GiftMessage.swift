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

extension GiftV1.GiftEntry {
  init(_ posted: PostedGiftEntry) {
    let entry = posted.entry
    self.init(
      sequence: posted.sequence, giftID: entry.giftID.value, paymentID: entry.paymentID.value,
      classID: entry.classID.value, kind: entry.kind.rawValue, gifts: entry.gifts,
      at: posted.at.rfc3339)
  }
}

extension PostedGiftEntry {
  /// - Throws: when the server sent what no entry can be.
  init(_ message: GiftV1.GiftEntry) throws {
    guard let kind = GiftEntry.Kind(rawValue: message.kind) else {
      throw RPCError(.internal, "'\(message.kind)' is no kind of entry")
    }
    guard
      let entry = GiftEntry(
        giftID: GiftID(message.giftID), paymentID: PaymentID(message.paymentID),
        classID: ClassID(message.classID), kind: kind, gifts: message.gifts)
    else {
      throw RPCError(.internal, "\(message.gifts) gifts cannot be \(message.kind)")
    }
    guard let at = Timestamp(rfc3339: message.at) else {
      throw RPCError(.internal, "'\(message.at)' is no time")
    }
    self.init(sequence: message.sequence, entry: entry, at: at)
  }
}
