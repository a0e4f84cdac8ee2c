import Kernel

/// Where the gift that goes with points is given.
package protocol GiftGateway: Sendable {
  /// Asks for the gift, given at most once a payment however often it is asked; never fails.
  func give(_ paid: PaidFee, because cause: Cause) async -> GiftAnswer
}

/// What is known after asking for the gift.
package enum GiftAnswer: Hashable, Sendable {
  /// Now or before.
  case given
  /// The payment was given back before its gift could be given.
  case revoked
  /// The gift may have been given or not: a timeout is no answer (trap T2).
  case unknown(reason: String)
}
