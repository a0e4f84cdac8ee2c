import Kernel
import Testing

@Suite("Corrected students")
struct StudentMemoryTests {
  private final class Memory: StudentMemory {
    var kept: [ClassID: StudentCorrection] = [:]

    func studentCorrection(of classID: ClassID) -> StudentCorrection? { self.kept[classID] }

    func remember(_ correction: StudentCorrection) { self.kept[correction.classID] = correction }
  }

  private static func correction(_ student: String, _ version: Int64) -> StudentCorrection {
    StudentCorrection(classID: ClassID(7), student: student, version: version)
  }

  @Test("T34: the later correction of a class holds, whichever comes first")
  func latest() throws {
    let memory = Memory()
    #expect(try memory.student(of: ClassID(7), told: "john-doe") == "john-doe")
    #expect(try memory.keep(Self.correction("lee", 5)))
    #expect(try !memory.keep(Self.correction("lee", 5)))
    #expect(try !memory.keep(Self.correction("kim", 4)))
    #expect(try memory.student(of: ClassID(7), told: "john-doe") == "lee")
    #expect(try memory.keep(Self.correction("park", 6)))
    #expect(try memory.student(of: ClassID(7), told: "john-doe") == "park")
    #expect(try memory.student(of: ClassID(8), told: "john-doe") == "john-doe")
  }
}
