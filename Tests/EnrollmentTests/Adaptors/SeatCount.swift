import Storage

/// Whether nobody's seat was forgotten: what a course counts is what there is.
enum SeatCount {
  static func isRight(of course: Int64, in database: SQLiteDatabase) async throws -> Bool {
    try await database.read { connection in
      try connection.integer(
        """
        SELECT seats_taken
            - (SELECT count(*) FROM class
              WHERE course_id = course.id AND status IN ('PENDING', 'REGISTERED'))
            - (SELECT count(*) FROM waitlist WHERE course_id = course.id AND state = 'OFFERED')
            = 0
          AND waiting = (
            SELECT count(*) FROM waitlist WHERE course_id = course.id AND state = 'WAITING')
        FROM offered_course AS course WHERE id = ?
        """, [.integer(course)]) == 1
    }
  }
}
