/// What seats and lines should come to, in the plainest words: arrays, and no database. One course,
/// at most one class a student.
struct SeatModel: Equatable {
  struct Class: Equatable {
    let id: Int64
    let student: String
    let acceptedAt: Int64
    var isPending: Bool
  }

  struct Offer: Equatable {
    let student: String
    let expiresAt: Int64
  }

  var capacity: Int64?
  var now: Int64 = 0
  var classes: [Class] = []
  var offers: [Offer] = []
  var line: [String] = []
  private var lastClass: Int64 = 0

  static let offerSeconds: Int64 = 900
  static let pendingLimit: Int64 = 600

  init(capacity: Int64?) {
    self.capacity = capacity
  }

  var taken: Int64 { Int64(self.classes.count + self.offers.count) }

  var isFull: Bool { self.capacity.map { self.taken >= $0 } ?? false }

  enum Payment: CaseIterable {
    case approved
    case declined
    case unknown
  }

  /// - Returns: the code of the refusal, or nil.
  mutating func register(_ student: String, _ payment: Payment) -> String? {
    guard !self.classes.contains(where: { $0.student == student }) else {
      return "already-enrolled"
    }
    var after = self
    if let index = after.offers.firstIndex(where: { $0.student == student }) {
      let offer = after.offers.remove(at: index)
      if offer.expiresAt <= after.now { after.offerFreeSeats() }
    }
    // An offer in time has just made room, and the next in line has not been let in.
    let hasOffer = self.offers.contains { $0.student == student && $0.expiresAt > self.now }
    guard hasOffer || (after.line.isEmpty && !after.isFull) else { return "course-full" }
    self = after
    self.lastClass += 1
    self.classes.append(
      Class(
        id: self.lastClass, student: student, acceptedAt: self.now,
        isPending: payment == .unknown))
    guard payment == .declined else { return nil }
    self.end(self.lastClass)
    return "payment-declined"
  }

  mutating func end(_ id: Int64) {
    self.classes.removeAll { $0.id == id }
    self.offerFreeSeats()
  }

  /// - Parameter approves: whether Pay takes the money, class by class, the oldest first.
  mutating func settle(_ approves: (Int) -> Bool) {
    for (number, pending) in self.classes.filter(\.isPending).enumerated() {
      if approves(number) {
        let index = self.classes.firstIndex { $0.id == pending.id }
        if let index { self.classes[index].isPending = false }
      } else {
        self.end(pending.id)
      }
    }
  }

  mutating func timeOut() {
    let late = self.classes.filter {
      $0.isPending && $0.acceptedAt < self.now - Self.pendingLimit
    }
    for pending in late { self.end(pending.id) }
  }

  mutating func join(_ student: String) -> String? {
    if self.classes.contains(where: { $0.student == student }) { return "already-enrolled" }
    if self.line.contains(student) || self.offers.contains(where: { $0.student == student }) {
      return "already-waiting"
    }
    guard !self.line.isEmpty || self.isFull else { return "course-has-seats" }
    self.line.append(student)
    return nil
  }

  mutating func leave(_ student: String) {
    self.line.removeAll { $0 == student }
    self.offers.removeAll { $0.student == student }
    self.offerFreeSeats()
  }

  mutating func expireOffers() {
    let late = self.offers.filter { $0.expiresAt <= self.now }
    for offer in late {
      self.offers.removeAll { $0 == offer }
      self.offerFreeSeats()
    }
  }

  mutating func setCapacity(_ capacity: Int64?) {
    self.capacity = capacity
    self.offerFreeSeats()
  }

  private mutating func offerFreeSeats() {
    while !self.line.isEmpty, !self.isFull {
      self.offers.append(
        Offer(student: self.line.removeFirst(), expiresAt: self.now + Self.offerSeconds))
    }
  }
}
