/// Where every decision of a simulated run comes from: SplitMix64 (Steele, Lea, Flood: "Fast
/// splittable pseudorandom number generators", 2014). The same seed gives the same numbers on every
/// machine.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) {
    self.state = seed
  }

  package mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var bits = self.state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// A whole number from 0 up to `bound`, without it. The bias of the remainder is below 2⁻⁴⁰ for
  /// the bounds used here.
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0)
    return Int(truncatingIfNeeded: self.next() % UInt64(bound))
  }

  /// True so many times in a thousand.
  package mutating func chance(_ perMille: Int) -> Bool {
    perMille > 0 && self.below(1000) < perMille
  }

  package mutating func time(_ range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound + Int64(self.below(Int(range.upperBound - range.lowerBound) + 1))
  }

  package mutating func one<Element>(of elements: [Element]) -> Element {
    elements[self.below(elements.count)]
  }
}
