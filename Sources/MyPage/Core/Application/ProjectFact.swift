import Kernel

/// Carries one fact into the view.
package struct ProjectFact: Hashable, Sendable {
  package let fact: MyPageFact

  package init(_ fact: MyPageFact) {
    self.fact = fact
  }

  package func perform(in tx: any MyPageTransaction) throws {
    let known = try tx.row(of: self.fact.classID)
    var row = known ?? InquiryMypage(classID: self.fact.classID)
    row.apply(self.fact)
    if row != known { try tx.save(row) }
  }
}
