import Contracts
import FramedRPC
import Kernel
import SugangServices
import Synchronization
import Testing

@testable import sugang

@Suite("How long the books may disagree before it is a finding")
struct ReconcilerTests {
  /// Stands still until somebody waits.
  private final class Clock: WallClock {
    private let microseconds = Mutex<Int64>(1_000_000_000)

    func now() -> Timestamp { Timestamp(microseconds: self.microseconds.withLock { $0 }) }

    func advance(by duration: Duration) {
      self.microseconds.withLock { $0 += Int64(duration / .microseconds(1)) }
    }
  }

  /// One class that is alone in its book, and pending for as many looks as the test says.
  private final class OneClass: Books {
    private let looksUntilSettled: Int
    private let acceptedAt: Timestamp
    private(set) var looks = 0

    init(acceptedAt: Timestamp, looksUntilSettled: Int = .max) {
      self.acceptedAt = acceptedAt
      self.looksUntilSettled = looksUntilSettled
    }

    private func enrollment() -> EnrollmentRow {
      let isSettled = self.looks > self.looksUntilSettled
      return EnrollmentRow(
        id: 7, status: isSettled ? "PAYMENT_FAILED" : "PENDING",
        acceptedAtUs: self.acceptedAt.microseconds)
    }

    func cursor() -> BooksCursor {
      var isRead = false
      return BooksCursor(
        enrollments: BookCursor(by: \.id) {
          defer { isRead = true }
          return isRead ? nil : [self.enrollment()]
        },
        payments: BookCursor(by: \.classID) { nil },
        deliveries: BookCursor(by: \.classID) { nil }, points: BookCursor(by: \.classID) { nil },
        gifts: BookCursor(by: \.classID) { nil }, rows: BookCursor(by: \.classID) { nil })
    }

    func books(of id: Int64) async throws -> ClassBooks {
      self.looks += 1
      var books = ClassBooks(id)
      books.enrollment = self.enrollment()
      return books
    }

    func ask<Answer>(
      _ service: ServiceName, _ body: (any RPCChannel, CallOptions) async throws -> Answer
    ) async throws -> Answer {
      throw CommandFailure("\(service) is not here")
    }
  }

  private let clock = Clock()

  private func reconciler(_ books: OneClass, patience: Duration) -> Reconciler {
    let clock = self.clock
    return Reconciler(
      books: books, pendingLimit: .seconds(60), patience: patience, clock: clock,
      pause: { clock.advance(by: $0) })
  }

  @Test("a class is pending for too long when more than the limit has passed")
  func pending() async throws {
    let books = OneClass(acceptedAt: self.clock.now())
    let reconciler = self.reconciler(books, patience: .zero)
    self.clock.advance(by: .seconds(60))
    #expect(try await reconciler.audit().cases.isEmpty)
    self.clock.advance(by: .microseconds(1))
    let found = try await reconciler.audit()
    #expect(found.cases.flatMap(\.findings).map(\.kind) == [.stalePending])
    #expect(found.totals.classes == 1)
  }

  @Test("what does not agree is looked at again until it does")
  func settles() async throws {
    let books = OneClass(acceptedAt: self.clock.now(), looksUntilSettled: 3)
    self.clock.advance(by: .seconds(61))
    let start = self.clock.now()
    #expect(try await self.reconciler(books, patience: .seconds(5)).audit().cases.isEmpty)
    #expect(books.looks == 4)
    #expect(self.clock.now().microseconds - start.microseconds == 750_000)
  }

  @Test("patience ends, and then it is a finding")
  func patience() async throws {
    let books = OneClass(acceptedAt: self.clock.now())
    self.clock.advance(by: .seconds(61))
    let start = self.clock.now()
    let found = try await self.reconciler(books, patience: .seconds(5)).audit()
    #expect(found.cases.flatMap(\.findings).map(\.detail) == ["PENDING for 66 s"])
    #expect(books.looks == 21)
    #expect(self.clock.now() == start.adding(seconds: 5))
  }
}
