import Kernel

/// Writes the alerts of one fact. Sending them is another step, so that a slow sender holds up
/// nothing.
package struct WriteAlerts: Hashable, Sendable {
  package let fact: AlertFact

  package init(for fact: AlertFact) {
    self.fact = fact
  }

  /// A fact told again writes nothing (traps T9, T18).
  package func perform(in tx: any AlertTransaction) throws {
    for content in self.fact.alerts where try tx.alert(content.key) == nil {
      try tx.save(Alert(id: try tx.nextAlertID(), content: content))
    }
  }
}
