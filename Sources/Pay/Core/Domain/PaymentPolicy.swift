import Kernel

/// Which payments Pay takes.
package struct PaymentPolicy: Hashable, Sendable {
  /// The limit when nobody configures another, in won.
  package static let defaultLimitWon: Int64 = 100_000_000

  /// The largest fee taken in one payment.
  package let limit: Money

  package init(limit: Money) {
    self.limit = limit
  }

  /// - Returns: nil when there is nothing against taking `fee`.
  package func reasonToDecline(_ fee: Money) -> DeclineReason? {
    fee > self.limit ? .overLimit : nil
  }
}

/// Why a payment was declined, in the words the student's client gets.
package enum DeclineReason: String, Hashable, Sendable, CaseIterable {
  /// The fee is above ``PaymentPolicy/limit``.
  case overLimit = "over-limit"
  /// The class was canceled before, or its payment was given back.
  case classCanceled = "class-canceled"
}
