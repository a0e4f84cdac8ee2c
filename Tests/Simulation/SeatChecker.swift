import Contracts
import CourseCore
import EnrollmentCore
import FramedRPC
import Kernel
import Storage
import SugangServices

/// What must hold at rest of seats, of the lines for full courses, and of canceled courses.
///
/// What must hold of them at every moment is ``SeatWatch``'s.
struct SeatChecker: ViolationNoter {
  /// How late a loop may be, in microseconds: it looks again within four seconds.
  private static let lateness: Int64 = 5_000_000

  private let stores: Stores
  private let history: History
  var violations: [Violation] = []

  static func violations(in stores: Stores, of world: World) throws -> [Violation] {
    guard world.seatWatch != nil else { return [] }
    var checker = SeatChecker(stores: stores, history: world.history)
    var watch = SeatWatch()
    checker.violations = try world.node(.class).store.read { try watch.look($0) }
    checker.checkOffers(at: world.restTime)
    checker.checkPlaces()
    checker.checkStories()
    checker.checkCopies()
    checker.checkCancellations()
    return checker.violations
  }

  private init(stores: Stores, history: History) {
    self.stores = stores
    self.history = history
  }

  // MARK: The lines

  private mutating func checkOffers(at time: Timestamp?) {
    guard let time else { return }
    for place in self.stores.places {
      guard let limit = place.offerExpiresAt else { continue }
      self.expect(
        limit > time.microseconds - Self.lateness, .i7,
        "the seat of place \(place.id) is kept past its time")
    }
  }

  private mutating func checkPlaces() {
    let places = Dictionary(self.stores.places.map { ($0.id, $0) }) { first, _ in first }
    var wishes: [String: Int] = [:]
    for intent in self.history.joins {
      let answers = intent.attempts.compactMap(\.told.answer)
      self.expect(
        intent.key == nil || Set(answers.map(\.entry.id)).count < 2, .i1,
        "one key of \(intent.student) has two places in line")
      wishes["\(intent.courseID) \(intent.student)", default: 0] +=
        intent.key == nil ? intent.attempts.count : 1
      for answer in answers {
        let place = places[answer.entry.id.value]
        self.expect(
          place?.student == intent.student && place?.course == intent.courseID.value, .i1,
          "place \(answer.entry.id), given to \(intent.student), is \(place?.student ?? "gone")")
        self.expect(
          answer.entry.student == intent.student && answer.entry.courseID == intent.courseID, .i8,
          "\(intent.student) was told of a place of \(answer.entry.student)")
      }
      for code in intent.attempts.compactMap(\.told.code) {
        self.expect(
          Self.refusals.contains(code), .i11, "\(intent.student) may not wait: \(code)")
      }
    }
    let made = Dictionary(grouping: self.stores.places) { "\($0.course) \($0.student)" }
    for (wish, places) in made {
      self.expect(
        places.count <= wishes[wish, default: 0], .i11,
        "\(places.count) places in line of \(wishes[wish, default: 0]) wishes: \(wish)")
      self.expect(
        places.count { $0.isLive } < 2, .i3, "somebody is in line twice: \(wish)")
    }
    self.checkLeaves(places)
    for look in self.history.looks {
      guard let answer = look.told.answer else { continue }
      self.expect(
        answer.entry.id == look.target
          && answer.entry.student == places[look.target.value]?.student,
        .i8, "place \(look.target) was answered \(answer.entry.id) of \(answer.entry.student)")
    }
  }

  /// What refuses a place in line for good.
  private static let refusals: Set<String> = [
    "already-enrolled", "already-waiting", "course-has-seats", "course-closed", "not-found",
    "idempotency-in-progress",
  ]

  private mutating func checkLeaves(_ places: [Int64: Stores.Place]) {
    for leave in self.history.leaves where leave.told.answer != nil {
      self.expect(
        places[leave.target.value]?.isLive == false, .i1,
        "place \(leave.target), told left, is \(places[leave.target.value]?.state ?? "gone")")
    }
    let asked = Set(self.history.leaves.map(\.target.value))
    for place in places.values where place.state == "LEFT" && !asked.contains(place.id) {
      // Who was given a class waits no longer.
      let wasGiven = self.history.changes.contains { change in
        self.stores.classByID[change.target.value].map {
          $0.student == place.student && $0.course == place.course
        } ?? false
      }
      self.expect(wasGiven, .i1, "nobody asked place \(place.id) to leave")
    }
    for place in places.values {
      guard let id = place.classID else { continue }
      let row = self.stores.classByID[id]
      self.expect(
        row?.course == place.course && row?.student.hasPrefix(place.student) == true, .i3,
        "class \(id) took the seat that was kept for \(place.student)")
    }
  }

  /// I6: offered is told once, and so is that it is over by somebody else's doing.
  private mutating func checkStories() {
    var stories: [Int64: String] = [:]
    do {
      for event in self.stores.events where event.source == .class {
        switch event.type {
        case "SeatOffered":
          let told = try EnrollmentV1.SeatOffered(decoding: event.data)
          stories[told.id, default: ""] += "O"
        case "SeatOfferExpired":
          let told = try EnrollmentV1.SeatOfferExpired(decoding: event.data)
          stories[told.id, default: ""] += "X"
        default: break
        }
      }
    } catch {
      self.expect(false, .i6, "an event cannot be read: \(error)")
    }
    for place in self.stores.places {
      let story = stories.removeValue(forKey: place.id) ?? ""
      let isTold =
        switch place.state {
        case "WAITING": story.isEmpty
        case "OFFERED", "TAKEN": story == "O"
        case "EXPIRED": story == "OX"
        case "LEFT": story.isEmpty || story == "O"
        case "CLOSED": story.isEmpty || story == "OX"
        default: false
        }
      self.expect(isTold, .i6, "place \(place.id) is \(place.state), told was \(story)")
    }
    self.expect(stories.isEmpty, .i6, "seats were offered to places that are not there")
  }

  // MARK: Courses

  /// I7: at rest Enrollment's copy is what Course says.
  private mutating func checkCopies() {
    for copy in self.stores.offeredCourses {
      guard let course = self.stores.courses[copy.id] else {
        self.expect(
          copy.state == "DELETED" || copy.fee == nil, .i7,
          "course \(copy.id) is not there, its copy is \(copy.state)")
        continue
      }
      self.expect(
        copy.fee == course.fee && copy.book == course.book && copy.capacity == course.capacity
          && copy.maxPerStudent == course.maxPerStudent, .i7,
        "the copy of course \(copy.id) is \(copy), it is \(course)")
      self.expect(
        (copy.state == "CANCELED") == course.isCanceled, .i7,
        "course \(copy.id), canceled: \(course.isCanceled), is \(copy.state) in its copy")
    }
  }

  private mutating func checkCancellations() {
    let copies = Dictionary(self.stores.offeredCourses.map { ($0.id, $0) }) { first, _ in first }
    let deletions = Set(
      self.history.deletions.filter { $0.told.code == nil }.map(\.target))
    for attempt in self.history.cancellations {
      let (id, copy) = (attempt.target, copies[attempt.target.value])
      if let code = attempt.told.code {
        self.expect(
          code == "not-found" && self.history.deletions.contains { $0.target == id }, .i11,
          "course \(id) could not be canceled: \(code)")
      }
      guard let told = attempt.told.answer else { continue }
      self.expect(told.courseID == id, .i8, "course \(id) was answered \(told.courseID)")
      guard let course = self.stores.courses[id.value] else {
        self.expect(deletions.contains(id), .i1, "course \(id), told canceled, is gone")
        continue
      }
      self.expect(course.isCanceled, .i1, "course \(id), told canceled, is not")
      self.expect(
        course.canceledClasses == copy?.classesToCancel, .i7,
        "\(course.canceledClasses ?? -1) classes of course \(id) were canceled with it, it had"
          + " \(copy?.classesToCancel ?? -1)")
    }
    let asked = Set(self.history.cancellations.map(\.target.value))
    for (id, course) in self.stores.courses where course.isCanceled {
      self.expect(asked.contains(id), .i1, "nobody asked to cancel course \(id)")
    }
  }
}
