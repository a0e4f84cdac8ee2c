import AdaptorTestSupport
import EnrollmentCore
import Testing

@Suite("A line that knows everybody's place")
struct RankedLineTests {
  @Test("any joining and leaving gives the places that an array gives", arguments: 1...20)
  func likeAnArray(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var line = RankedLine<Int>()
    var array: [Int] = []
    for member in 0..<1_000 {
      if Int.random(in: 0..<5, using: &generator) < 3 {
        line.append(member)
        array.append(member)
      }
      // Now and then nearly everybody leaves.
      let leaving = Int.random(in: 0..<100, using: &generator) == 0 ? array.count * 9 / 10 : 1
      for _ in 0..<min(leaving, array.count) {
        let index = Int.random(in: 0..<array.count, using: &generator)
        // Mostly the first ones, as in a line.
        line.remove(array.remove(at: Bool.random(using: &generator) ? 0 : index))
      }
      #expect(line.count == array.count)
      #expect(line.isEmpty == array.isEmpty)
      #expect(line.first == array.first)
      if let (index, probe) = array.enumerated().randomElement(using: &generator) {
        #expect(line.position(of: probe) == index + 1)
      }
    }
    for (index, member) in array.enumerated() {
      #expect(line.position(of: member) == index + 1)
    }
  }

  @Test("who is not in the line has no place, and leaving again changes nothing")
  func strangers() {
    var line = RankedLine<String>()
    #expect(line.first == nil)
    #expect(line.position(of: "kim") == nil)
    line.append("kim")
    line.remove("lee")
    line.remove("kim")
    line.remove("kim")
    #expect(line.isEmpty)
    line.append("kim")
    #expect(line.position(of: "kim") == 1)
  }

  @Test("among 100,000 a place is found by looking at 17 counts at most")
  func steps() {
    var line = RankedLine<Int>()
    for member in 0..<100_000 { line.append(member) }
    // Holes do not count, and cost nothing.
    for member in stride(from: 0, to: 100_000, by: 3) { line.remove(member) }
    var most = 0
    for member in [1, 2, 49_999, 65_534, 65_536, 99_997, 99_998] {
      var steps = 0
      let position = line.position(of: member) { steps += 1 }
      #expect(position == member - member / 3)
      most = max(most, steps)
    }
    #expect((1...17).contains(most))
  }
}
