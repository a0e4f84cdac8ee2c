import JSON
import Testing

/// The invariant of the money path, looked at from outside: every class is paid exactly once or is
/// not there, and what follows from its payment is there once too (I2, I4, I5, I7).
struct BooksBalance {
  let classes: [Int64: String]
  let payments: [Int64: [String]]
  let deliveries: [Int64: Int]
  let points: [Int64: Int]
  let gifts: [Int64: Int]
  let rows: [Int64: JSONValue]

  init(of system: RunningSugang) async throws {
    var classes: [Int64: String] = [:]
    for item in try await system.all("classes") {
      classes[try RunningSugang.id(item)] = item["status"]?.string ?? "REGISTERED"
    }
    self.classes = classes
    self.payments = try await Self.byClass(system, "payments").mapValues { items in
      items.compactMap { $0["status"]?.string }
    }
    self.deliveries = try await Self.byClass(system, "deliveries").mapValues(\.count)
    self.points = try await Self.byClass(system, "points").mapValues(\.count)
    self.gifts = try await Self.byClass(system, "gifts").mapValues(\.count)
    self.rows = try await Self.byClass(system, "inquiryMypages").compactMapValues(\.first)
  }

  private static func byClass(
    _ system: RunningSugang, _ collection: String
  ) async throws -> [Int64: [JSONValue]] {
    let items = try await system.all(collection)
    return Dictionary(grouping: items) { $0["classId"]?.int64 ?? 0 }
  }

  /// Nothing is on its way any more.
  func isSettled(classes count: Int) -> Bool {
    self.classes.count == count && self.classes.values.allSatisfy { $0 == "REGISTERED" }
      && self.rows.count == count
      && self.rows.values.allSatisfy {
        $0["deliveryStatus"]?.string == "DELIVERY_START"
          && $0["pointStatus"]?.string == "Point Added" && $0["giftstock"]?.int64 == 1
      }
  }

  func check() {
    for (id, status) in self.classes {
      #expect(status == "REGISTERED", "class \(id)")
      #expect(self.payments[id] == ["PAYMENT_COMPLETED"], "class \(id)")
      #expect(self.deliveries[id] == 1, "class \(id)")
      #expect(self.points[id] == 1, "class \(id)")
      #expect(self.gifts[id] == 1, "class \(id)")
    }
    // No payment, and nothing that follows from one, without its class.
    for others in [
      Set(self.payments.keys), Set(self.deliveries.keys), Set(self.points.keys),
      Set(self.gifts.keys), Set(self.rows.keys),
    ] {
      #expect(others.subtracting(self.classes.keys).isEmpty)
    }
  }
}
