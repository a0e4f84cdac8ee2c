/// A 64-bit id that knows what it identifies, so that a class id cannot stand in for a course id
/// (trap T36: the seed looked a course up by its class's id and shipped the wrong book).
package struct Identifier<Kind>: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let value: Int64

  package init(_ value: Int64) {
    self.value = value
  }

  package var description: String { String(self.value) }

  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

package enum AlertKind {}
package enum ClassKind {}
package enum CourseKind {}
package enum DeliveryKind {}
package enum GiftKind {}
package enum InquiryMypageKind {}
package enum PaymentKind {}
package enum PointKind {}

package typealias AlertID = Identifier<AlertKind>
/// One student's enrollment in one course; the correlation key of every flow (K13, K22).
package typealias ClassID = Identifier<ClassKind>
package typealias CourseID = Identifier<CourseKind>
package typealias DeliveryID = Identifier<DeliveryKind>
package typealias GiftID = Identifier<GiftKind>
package typealias InquiryMypageID = Identifier<InquiryMypageKind>
package typealias PaymentID = Identifier<PaymentKind>
package typealias PointID = Identifier<PointKind>
