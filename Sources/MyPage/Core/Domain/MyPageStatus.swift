/// The words of my page. They differ from the owners' words, as they do in the seed: clients test
/// for both.
package enum ClassStatus: String, Hashable, Sendable, CaseIterable {
  case started = "CLASS_START"
  case canceled = "CLASS_CANCELED"
}

package enum PaymentStatus: String, Hashable, Sendable, CaseIterable {
  case completed = "PAYMENT_COMPLETED"
  case canceled = "PAYMENT_CANCELED"
}

package enum DeliveryStatus: String, Hashable, Sendable, CaseIterable {
  case started = "DELIVERY_START"
  case canceled = "DELIVERY_CANCELED"
}

package enum PointStatus: String, Hashable, Sendable, CaseIterable {
  case added = "Point Added"
  case canceled = "Point Canceled"
}
