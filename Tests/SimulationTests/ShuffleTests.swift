import Foundation
import Simulation
import Testing

/// `SUGANG_SHUFFLE_ENROLLMENTS` says how many students enroll.
@Suite("Shuffle")
struct ShuffleTests {
  /// A quarter of a minute of a debug build.
  private static let usualEnrollments = 10_000

  private static var enrollments: Int {
    ProcessInfo.processInfo.environment["SUGANG_SHUFFLE_ENROLLMENTS"].flatMap { Int($0) }
      ?? Self.usualEnrollments
  }

  @Test("T9–T12: every event one to three times, in any order, between restarts: all exactly right")
  func shuffled() async {
    let report = await Shuffle.run(enrollments: Self.enrollments, seed: 1)

    print(
      """
      shuffle: \(report.enrollments) enrollments, \(report.canceled) canceled, \(report.renamed) \
      given away; \(report.events) events delivered \(report.deliveries) times in \
      \(report.rounds) rounds, \(report.restarts) restarts, \(report.duration)
      """)
    #expect(report.violations.isEmpty)
    #expect(report.enrollments == Self.enrollments)
    #expect(report.canceled > Self.enrollments / 3)
    #expect(report.renamed > Self.enrollments / 10)
    #expect(report.deliveries > report.events * 3 / 2)
    #expect(report.rounds > 2)
    #expect(report.restarts > 5)
  }
}
