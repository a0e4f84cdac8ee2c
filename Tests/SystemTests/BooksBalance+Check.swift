import SystemHarness
import Testing

extension BooksBalance {
  func check() {
    #expect(self.problems() == [])
  }
}
