import AdaptorTestSupport
import Kernel
import PayCore
import Testing

@Suite("T22: whose payments Pay's port shows")
struct PayOwnershipTests {
  @Test("a student sees their own alone, an operator all", arguments: Way.allCases)
  func reads(_ way: Way) async throws {
    let pay = try PayHarness()
    for (number, caller) in [Caller.studentA, .studentB].enumerated() {
      let command = try PayHarness.command(class: Int64(number + 1), student: caller.name)
      _ = try await pay.application.approve(command, because: Cause(id: "request-1"))
    }
    let page = try PageRequest()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await pay.with(way) { (port: any PayPort) async throws -> Void in
        #expect(try await port.payment(PaymentID(1), by: .studentA).student == "student-a")
        let hidden = await problem { try await port.payment(PaymentID(1), by: .studentB) }
        let missing = await problem { try await port.payment(PaymentID(99), by: .studentB) }
        #expect(hidden?.kind == .notFound)
        #expect(hidden?.detail == missing?.detail.replacing("99", with: "1"))
        #expect(try await port.payments(of: ClassID(1), by: .studentB).isEmpty)
        #expect(try await port.payments(of: ClassID(1), by: .studentA).count == 1)
        let own = try await port.payments(page, by: .studentB)
        #expect(own.items.map(\.classID) == [ClassID(2)])
        #expect(own.totalElements == 1)
        #expect(try await port.payments(page, by: .admin).totalElements == 2)
        #expect(try await port.payment(PaymentID(1), by: .admin).classID == ClassID(1))
        #expect(try await port.payments(page, by: .teacher).items.isEmpty)
      }
    }
  }

  @Test(
    "T24: nobody takes or gives money back in person, but an operator",
    arguments: [
      Way.application, .rpc,
    ])
  func commands(_ way: Way) async throws {
    let pay = try PayHarness()
    let command = try PayHarness.command(student: Caller.studentA.name)
    _ = try await pay.application.approve(command, because: Cause(id: "request-1"))
    try await pay.with(way) { (port: any PayPort) async throws -> Void in
      for caller in [Caller.studentA, .studentB, .teacher] {
        let refused = await problem { try await port.refund(ClassID(1), by: caller) }
        #expect(refused?.code == "role-missing")
        #expect(refused?.kind == .forbidden)
      }
      let taken = await problem { try await port.approve(command, by: .admin) }
      #expect(taken?.code == "internal-only")
      let refunded = try await port.refund(ClassID(1), by: .admin)
      #expect(refunded.status == .canceled)
    }
  }
}
