import Kernel

/// What an event is about. Events about one subject keep their order; a subject whose event cannot
/// be handled is parked by itself.
package enum EventSubject: Hashable, Sendable {
  case `class`(ClassID)
  case course(CourseID)

  /// Course 7 and class 7 are two things, also in one feed.
  package var text: String {
    switch self {
    case .class(let id): "class-\(id)"
    case .course(let id): "course-\(id)"
    }
  }

  /// The class id where there is one: it ties all events of one flow together (K13, K22).
  package var correlationID: String {
    switch self {
    case .class(let id): id.description
    case .course: self.text
    }
  }
}
