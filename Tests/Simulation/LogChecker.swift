import SugangServices

/// I6: the logs themselves.
struct LogChecker {
  /// How the events of one source about one thing may follow each other: a letter each.
  private static let stories:
    [(ServiceName, letters: [String: Character], isStory: @Sendable (String) -> Bool)] = [
      (
        .course,
        [
          "CourseRegistered": "R", "CourseModified": "M", "CourseCanceled": "C",
          "CourseDeleted": "D",
        ],
        { story in
          story.first == "R"
            && ["", "C", "D", "CD"].contains(story.dropFirst().drop { $0 == "M" })
        }
      ),
      (
        .course, ["TextbookDeliveried": "S", "DeliveryCanceled": "C"],
        { ["S", "SC", "C"].contains($0) }
      ),
      (
        .class, ["ClassRegistered": "R", "ClassModified": "M", "ClassCanceled": "C"],
        { story in
          guard story != "C" else { return true }
          return story.first == "R" && Self.once("RC", story)
            && (story.firstIndex(of: "C").map { story.index(after: $0) == story.endIndex } ?? true)
        }
      ),
      (.pay, ["PaymentApproved": "A", "PaymentCanceled": "C"], { ["A", "AC"].contains($0) }),
      (.point, ["PointRegistered": "R", "PointCanceled": "C"], { ["R", "RC", "C"].contains($0) }),
      (.gift, ["GiftRegistered": "R", "GiftCanceled": "C"], { ["R", "RC"].contains($0) }),
    ]

  private static func once(_ letters: String, _ story: String) -> Bool {
    letters.allSatisfy { letter in story.count { $0 == letter } <= 1 }
  }

  static func violations(in stores: Stores) -> [Violation] {
    var violations: [Violation] = []
    let logs = Dictionary(grouping: stores.events, by: \.source)
    for name in ServiceName.allCases {
      let log = logs[name] ?? []
      if log.map(\.sequence) != log.indices.map({ Int64($0) + 1 }) {
        violations.append(Violation(.i6, "the log of \(name.rawValue) has a gap"))
      }
    }
    for (name, letters, isStory) in Self.stories {
      var stories: [String: String] = [:]
      for event in logs[name] ?? [] {
        guard let letter = letters[event.type] else { continue }
        stories[event.subject, default: ""].append(letter)
      }
      for (subject, story) in stories where !isStory(story) {
        violations.append(
          Violation(.i6, "\(name.rawValue) tells of \(subject): \(story)"))
      }
    }
    return violations
  }
}
