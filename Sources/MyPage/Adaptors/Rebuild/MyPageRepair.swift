import MyPageCore
import Storage

/// Rows of the live view that are to be replaced, kept beside it until all of them can be at once.
enum MyPageRepair {
  static let migration = Migration(
    name: "mypage-003-repair",
    sql: """
      CREATE TABLE inquiry_mypage_repair (
        class_id INTEGER PRIMARY KEY,
        course_id INTEGER,
        fee INTEGER,
        student TEXT,
        text_book TEXT,
        status TEXT,
        payment_id INTEGER,
        payment_status TEXT,
        delivery_status TEXT,
        point_status TEXT,
        cashpoint INTEGER,
        giftstock INTEGER,
        heard_enrollment INTEGER NOT NULL,
        heard_text_book INTEGER NOT NULL,
        heard_pay INTEGER NOT NULL,
        heard_delivery INTEGER NOT NULL,
        heard_point INTEGER NOT NULL,
        heard_gift INTEGER NOT NULL
      ) STRICT;
      -- Every class that the repair is about, with a row above or, from now on, without one.
      CREATE TABLE inquiry_mypage_repaired_class (class_id INTEGER PRIMARY KEY) STRICT;
      """)

  /// Forgets a repair that did not come to its end.
  static func clear(in connection: any SQLConnection) throws {
    try connection.execute("DELETE FROM inquiry_mypage_repair")
    try connection.execute("DELETE FROM inquiry_mypage_repaired_class")
  }

  /// - Parameters:
  ///   - classes: whose rows are to be replaced.
  ///   - rows: by what, in the order of ``InquiryMypage/columns``; a class without one gets none.
  static func stage(
    _ classes: [Int64], _ rows: [[SQLValue]], in connection: any SQLConnection
  ) throws {
    for id in classes {
      try connection.execute(
        "INSERT INTO inquiry_mypage_repaired_class (class_id) VALUES (?)", [.integer(id)])
    }
    for row in rows {
      try connection.execute(
        """
        INSERT INTO inquiry_mypage_repair (\(InquiryMypage.columns))
        VALUES (\(row.map { _ in "?" }.joined(separator: ", ")))
        """, row)
    }
  }

  /// Replaces the rows of all staged classes.
  static func finish(in connection: any SQLConnection) throws {
    try connection.execute(
      """
      DELETE FROM inquiry_mypage
      WHERE class_id IN (SELECT class_id FROM inquiry_mypage_repaired_class)
      """)
    try connection.execute(
      """
      INSERT INTO inquiry_mypage (\(InquiryMypage.columns))
      SELECT \(InquiryMypage.columns) FROM inquiry_mypage_repair
      """)
    try Self.clear(in: connection)
  }
}
