import AdaptorSupport
import Contracts
import GiftCore
import Kernel

extension GiftEvent {
  /// Gift's events as the others read them.
  func publish(in unit: SQLUnit) throws {
    switch self {
    case .giftRegistered(let event):
      let gift = event.gift
      try unit.raise(
        "GiftRegistered", about: .class(gift.classID),
        message: GiftV1.GiftRegistered(
          id: gift.id.value, classID: gift.classID.value, fee: gift.fee.won,
          student: gift.student, giftstock: gift.giftstock))
    case .giftCanceled(let event):
      let gift = event.gift
      try unit.raise(
        "GiftCanceled", about: .class(gift.classID),
        message: GiftV1.GiftCanceled(
          id: gift.id.value, classID: gift.classID.value, fee: gift.fee.won,
          student: gift.student, giftstock: gift.giftstock))
    }
  }
}
