import JSON

/// The invariants of the money path, looked at from outside: every class is paid exactly once or
/// is not there, and what follows from its payment is there once too (I2, I4, I5, I7).
package struct BooksBalance {
  /// Active ones, by id, with their status.
  package let classes: [Int64: String]
  package let payments: [Int64: [JSONValue]]
  package let deliveries: [Int64: [JSONValue]]
  package let points: [Int64: [JSONValue]]
  package let gifts: [Int64: [JSONValue]]
  package let rows: [Int64: [JSONValue]]

  package init(of system: RunningSugang) async throws {
    var classes: [Int64: String] = [:]
    for item in try await system.all("classes") {
      classes[try RunningSugang.id(item)] = item["status"]?.string ?? "REGISTERED"
    }
    self.classes = classes
    self.payments = try await Self.byClass(system, "payments")
    self.deliveries = try await Self.byClass(system, "deliveries")
    self.points = try await Self.byClass(system, "points")
    self.gifts = try await Self.byClass(system, "gifts")
    self.rows = try await Self.byClass(system, "inquiryMypages")
  }

  private static func byClass(
    _ system: RunningSugang, _ collection: String
  ) async throws -> [Int64: [JSONValue]] {
    let items = try await system.all(collection)
    return Dictionary(grouping: items) { $0["classId"]?.int64 ?? 0 }
  }

  /// Nothing is on its way any more.
  package func isSettled(classes count: Int) -> Bool {
    self.classes.count == count && self.classes.values.allSatisfy { $0 == "REGISTERED" }
      && self.rows.count == count
      && self.rows.values.allSatisfy { rows in
        rows.allSatisfy {
          $0["deliveryStatus"]?.string == "DELIVERY_START"
            && $0["pointStatus"]?.string == "Point Added" && $0["giftstock"]?.int64 == 1
        }
      }
  }

  /// Everything that does not balance, at most one line a class; empty when all is well and
  /// nothing is on its way.
  package func problems() -> [String] {
    let everybody = Set(self.classes.keys).union(self.payments.keys).union(self.deliveries.keys)
      .union(self.points.keys).union(self.gifts.keys).union(self.rows.keys)
    return everybody.sorted().compactMap { id in
      let problem =
        switch self.classes[id] {
        case "REGISTERED": self.problem(ofRegistered: id)
        case nil: self.problem(ofEnded: id)
        case let status?: "is still \(status)"
        }
      return problem.map { "class \(id) \($0)" }
    }
  }

  private func problem(ofRegistered id: Int64) -> String? {
    guard let payment = self.one(self.payments, id) else {
      return "has \(self.count(self.payments, id)) payments"
    }
    guard payment["status"]?.string == "PAYMENT_COMPLETED" else { return "is not paid" }
    guard let delivery = self.one(self.deliveries, id),
      delivery["status"]?.string == "DELIVERY_START"
    else { return "has \(self.count(self.deliveries, id)) deliveries, or a canceled one" }
    guard let row = self.one(self.rows, id), row["status"]?.string == "CLASS_START",
      row["paymentStatus"]?.string == "PAYMENT_COMPLETED",
      row["deliveryStatus"]?.string == "DELIVERY_START"
    else { return "is shown wrongly on my page" }
    guard let fee = payment["fee"]?.int64, fee > 0 else { return nil }
    guard let point = self.one(self.points, id), point["cashpoint"]?.int64 == fee / 100 else {
      return "has \(self.count(self.points, id)) points, or wrong ones"
    }
    guard let gift = self.one(self.gifts, id), gift["giftstock"]?.int64 ?? 0 > 0 else {
      return "has \(self.count(self.gifts, id)) gifts, or a canceled one"
    }
    guard row["pointStatus"]?.string == "Point Added", row["cashpoint"] == point["cashpoint"],
      row["giftstock"] == gift["giftstock"]
    else { return "has its points shown wrongly on my page" }
    return nil
  }

  /// Canceled, not paid for, or never begun: nothing may be left of it.
  private func problem(ofEnded id: Int64) -> String? {
    let payments = self.payments[id] ?? []
    guard payments.count <= 1, payments.allSatisfy({ $0["status"]?.string == "CANCEL" }) else {
      return "is over, but its money is kept"
    }
    guard self.deliveries[id]?.allSatisfy({ $0["status"]?.string == "DELIVERY_CANCEL" }) ?? true
    else { return "is over, but its book is on its way" }
    guard self.points[id]?.allSatisfy({ $0["cashpoint"]?.int64 == 0 }) ?? true else {
      return "is over, but its points count"
    }
    guard self.gifts[id]?.allSatisfy({ $0["giftstock"]?.int64 == 0 }) ?? true else {
      return "is over, but its gift is given"
    }
    let isOver: (JSONValue) -> Bool = { row in
      row["status"]?.string == "CLASS_CANCELED" && row["cashpoint"]?.int64 ?? 0 == 0
        && row["giftstock"]?.int64 ?? 0 == 0
        && ["PAYMENT_CANCELED", nil].contains(row["paymentStatus"]?.string)
        && ["DELIVERY_CANCELED", nil].contains(row["deliveryStatus"]?.string)
    }
    guard self.rows[id]?.allSatisfy(isOver) ?? true else {
      return "is over, but my page does not say so"
    }
    return nil
  }

  private func one(_ items: [Int64: [JSONValue]], _ id: Int64) -> JSONValue? {
    guard let found = items[id], found.count == 1 else { return nil }
    return found[0]
  }

  private func count(_ items: [Int64: [JSONValue]], _ id: Int64) -> Int { items[id]?.count ?? 0 }
}
