import EventLog
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
      -- Up to where the rows that were not replaced are made of events, by source.
      CREATE TABLE inquiry_mypage_ahead (
        source TEXT NOT NULL PRIMARY KEY,
        sequence INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
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

  /// Replaces the rows of all staged classes, and lets the consumers take what came since these
  /// rows were read once more.
  ///
  /// - Parameter state: what the staged rows are made of, at least.
  /// - Returns: false, and nothing is done, when ``EventLog/InboxState/rewind(in:)`` refuses.
  static func finish(
    madeOf state: InboxState, in connection: any SQLConnection
  ) throws -> Bool {
    guard let before = try state.rewind(in: connection) else { return false }
    for source in before.positions.keys {
      try connection.execute(
        """
        INSERT INTO inquiry_mypage_ahead (source, sequence) VALUES (?, ?)
        ON CONFLICT (source) DO UPDATE SET sequence = max(sequence, excluded.sequence)
        """, [.text(source), .integer(before.sequence(of: source))])
    }
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
    return true
  }

  /// Whether all rows are made of the very events that `state` tells: not while the consumers take
  /// events once more.
  static func isPast(_ state: InboxState, in connection: any SQLConnection) throws -> Bool {
    try connection.rows("SELECT source, sequence FROM inquiry_mypage_ahead").allSatisfy {
      state.sequence(of: $0.text(0)) >= $0.integer(1)
    }
  }
}
