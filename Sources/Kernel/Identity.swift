/// What is known of who asks.
package enum Identity: Hashable, Sendable {
  /// Authentication is off, as in the seed, or a service of the system asks on its own account:
  /// everything is allowed.
  case unrestricted
  /// Authentication is on, and a token said who it is.
  case subject(Subject)
}

/// Somebody whom a token names.
package struct Subject: Hashable, Sendable {
  /// Longest name, in characters: as long as a student's or a teacher's.
  package static let maxNameLength = 100
  /// Owns nothing and may do nothing.
  package static let nobody = Subject(name: "", roles: [])

  /// What students and teachers are called: the same text as in a class or a course.
  package let name: String
  package let roles: Set<Role>

  package init(name: String, roles: Set<Role>) {
    self.name = name.normalized
    self.roles = roles
  }
}

/// What somebody is here.
package enum Role: String, Hashable, Sendable, CaseIterable {
  /// Enrolls, and sees what is their own.
  case student
  /// Offers courses.
  case instructor
  /// Sees and does everything.
  case `operator`
}

/// Tells whose a token is.
package protocol TokenVerifier: Sendable {
  /// - Throws: ``InvalidToken``.
  func subject(of token: String) async throws -> Subject
}

/// A token that is nobody's, with a reason that its bearer may hear.
package struct InvalidToken: Error, Hashable {
  package let reason: String

  package init(_ reason: String) {
    self.reason = reason
  }
}
