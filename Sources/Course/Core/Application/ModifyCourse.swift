import Kernel

/// The command of a teacher who changes a course.
package struct ModifyCourse: Hashable, Sendable {
  package let id: CourseID
  package let change: CourseChange

  package init(_ id: CourseID, _ change: CourseChange) {
    self.id = id
    self.change = change
  }

  package func perform(in tx: any CourseTransaction) throws -> Course {
    guard var course = try tx.course(self.id) else { throw CourseError.notFound(self.id) }
    if let modified = try course.modify(self.change) {
      try tx.save(course)
      try tx.raise(.courseModified(modified))
    }
    return course
  }
}
