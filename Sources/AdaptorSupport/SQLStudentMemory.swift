import Contracts
import EventLog
import Kernel
import Storage

/// Keeps corrected students, one row a class.
package enum SQLStudentMemory {
  package static let migrations = [
    Migration(
      name: "student-memory-001",
      sql: """
        CREATE TABLE corrected_student (
          class_id INTEGER PRIMARY KEY,
          student TEXT NOT NULL,
          version INTEGER NOT NULL
        ) STRICT;
        """)
  ]
}

extension SQLUnit {
  package func studentCorrection(of classID: ClassID) throws -> StudentCorrection? {
    try self.connection.row(
      "SELECT student, version FROM corrected_student WHERE class_id = ?",
      [.integer(classID.value)]
    ).map { StudentCorrection(classID: classID, student: $0.text(0), version: $0.integer(1)) }
  }

  package func remember(_ correction: StudentCorrection) throws {
    try self.connection.execute(
      """
      INSERT INTO corrected_student (class_id, student, version) VALUES (?, ?, ?)
      ON CONFLICT (class_id)
      DO UPDATE SET student = excluded.student, version = excluded.version
      """,
      [
        .integer(correction.classID.value), .text(correction.student),
        .integer(correction.version),
      ])
  }
}

extension StudentCorrection {
  /// What Enrollment's `ClassModified` tells.
  ///
  /// - Throws: `CodecError`: the event is poison.
  package init(_ event: EventsV1.Event) throws {
    let modified = try event.message(EnrollmentV1.ClassModified.self)
    self.init(
      classID: ClassID(modified.id), student: modified.student, version: event.sequence)
  }
}
