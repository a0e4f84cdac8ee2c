/// A line that members join at the end and leave from anywhere, and that tells everybody's place in
/// O(log n) steps.
///
/// Slots are given out in order and counted by a binary indexed tree (P. M. Fenwick, "A New Data
/// Structure for Cumulative Frequency Tables", 1994). Empty slots are thrown out once most are.
package struct RankedLine<Member: Hashable & Sendable>: Sendable {
  /// Fewer slots are not worth the trouble of throwing out the empty ones.
  private static var compactedFrom: Int { 64 }

  private var slots: [Member: Int] = [:]
  private var members: [Member?] = []
  /// Node i counts the members in the slots from i + 1 - (lowest set bit of i + 1) to i.
  private var counts: [Int] = []
  /// All slots before this one are empty.
  private var head = 0

  package init() {}

  package var count: Int { self.slots.count }

  package var isEmpty: Bool { self.slots.isEmpty }

  /// Who came first.
  package var first: Member? { self.head < self.members.count ? self.members[self.head] : nil }

  /// - Precondition: `member` does not stand in the line.
  package mutating func append(_ member: Member) {
    let slot = self.members.count
    let known = self.slots.updateValue(slot, forKey: member)
    precondition(known == nil, "who stands in the line cannot join it")
    self.members.append(member)
    let node = slot + 1
    var count = 1
    var inner = slot
    while inner > node - Self.lowestBit(node) {
      count += self.counts[inner - 1]
      inner -= Self.lowestBit(inner)
    }
    self.counts.append(count)
  }

  /// Does nothing when `member` does not stand in the line.
  package mutating func remove(_ member: Member) {
    guard let slot = self.slots.removeValue(forKey: member) else { return }
    self.members[slot] = nil
    var node = slot + 1
    while node <= self.counts.count {
      self.counts[node - 1] -= 1
      node += Self.lowestBit(node)
    }
    while self.head < self.members.count, self.members[self.head] == nil { self.head += 1 }
    if self.members.count >= Self.compactedFrom, self.slots.count * 2 < self.members.count {
      self.compact()
    }
  }

  /// The place of `member`, from 1; nil when it does not stand in the line.
  ///
  /// - Parameter visit: Called for each count that is looked at.
  package func position(of member: Member, visiting visit: () -> Void = {}) -> Int? {
    guard let slot = self.slots[member] else { return nil }
    var position = 0
    var node = slot + 1
    while node > 0 {
      visit()
      position += self.counts[node - 1]
      node -= Self.lowestBit(node)
    }
    return position
  }

  private mutating func compact() {
    let members = self.members.compactMap(\.self)
    self.slots.removeAll(keepingCapacity: true)
    self.members.removeAll(keepingCapacity: true)
    self.counts.removeAll(keepingCapacity: true)
    self.head = 0
    for member in members { self.append(member) }
  }

  private static func lowestBit(_ number: Int) -> Int { number & -number }
}
