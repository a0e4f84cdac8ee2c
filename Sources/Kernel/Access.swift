/// What a core asks of its caller before it answers (trap T22).
///
/// A private thing of somebody else is answered as if it did not exist, by the core's own not-found:
/// its id tells nothing (trap T27).
extension Caller {
  /// nil for a caller who may do everything.
  package var subject: Subject? {
    switch self.identity {
    case .unrestricted: nil
    case .subject(let subject): subject
    }
  }

  /// Whether it holds `role`; an operator holds them all.
  package func holds(_ role: Role) -> Bool {
    guard let subject = self.subject else { return true }
    return subject.roles.contains(role) || subject.roles.contains(.operator)
  }

  /// Whether what belongs to `name` is this caller's to see and to change.
  package func owns(_ name: String) -> Bool {
    guard !self.holds(.operator), let subject = self.subject else { return true }
    return !subject.name.isEmpty && subject.name == name
  }

  /// Whose things a list shows to this caller; nil for everybody's.
  package var onlyOwner: String? {
    self.holds(.operator) ? nil : self.subject?.name
  }

  /// - Throws: ``AccessError/roleMissing(_:)``.
  package func require(_ role: Role) throws(AccessError) {
    guard self.holds(role) else { throw .roleMissing(role) }
  }

  /// - Throws: ``AccessError/notOwner(of:)``.
  package func requireOwner(_ name: String, of what: String) throws(AccessError) {
    guard self.owns(name) else { throw .notOwner(of: what) }
  }

  /// For commands that one service gives another.
  ///
  /// - Throws: ``AccessError/internalOnly``.
  package func requireSystem() throws(AccessError) {
    guard self.subject == nil else { throw .internalOnly }
  }

  /// Who a command is about: who is named, or the caller when nobody is.
  ///
  /// - Throws: ``AccessError``: somebody else is named, or the caller does not hold `role`.
  package func name(_ given: String, as role: Role) throws(AccessError) -> String {
    guard let subject = self.subject else { return given }
    try self.require(role)
    guard !given.isEmpty else { return subject.name }
    try self.requireOwner(given.normalized, of: "what another \(role.rawValue) has")
    return given
  }
}

/// What a caller may not do, whatever the state of things.
package enum AccessError: DomainError, Hashable {
  case roleMissing(Role)
  case notOwner(of: String)
  case internalOnly

  package var problem: Problem {
    switch self {
    case .roleMissing(let role):
      Problem(
        .forbidden, code: "role-missing", title: "The caller has not the role for this",
        detail: "this is for those with the role \(role.rawValue)")
    case .notOwner(let what):
      Problem(
        .forbidden, code: "not-owner", title: "This belongs to somebody else",
        detail: "the caller does not own \(what)")
    case .internalOnly:
      Problem(
        .forbidden, code: "internal-only", title: "This is not for callers from outside",
        detail: "only the services of the system ask for this")
    }
  }
}
