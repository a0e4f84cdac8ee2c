import Kernel
import PayCore

/// What most tests ask is asked by one who may see everything.
private let anybody = Caller(requestID: "test")

extension PayPort {
  func approve(_ command: ApprovePayment, because cause: Cause) async throws -> PaymentDecision {
    try await self.approve(command, by: Caller(requestID: cause.id))
  }

  func refund(_ classID: ClassID, because cause: Cause) async throws -> Payment {
    try await self.refund(classID, by: Caller(requestID: cause.id))
  }

  func payment(_ id: PaymentID) async throws -> Payment {
    try await self.payment(id, by: anybody)
  }

  func payments(_ page: PageRequest) async throws -> Page<Payment> {
    try await self.payments(page, by: anybody)
  }

  func payments(of classID: ClassID) async throws -> [Payment] {
    try await self.payments(of: classID, by: anybody)
  }
}
