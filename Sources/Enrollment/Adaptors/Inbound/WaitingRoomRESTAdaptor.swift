import EnrollmentCore
import JSON
import Kernel
import RESTSupport

/// `/waiting-room`: students wait for their turn to enroll.
///
/// There is no list: who knows a ticket's link may use the ticket, unless authentication is on and it
/// is another student's.
package struct WaitingRoomRESTAdaptor: RESTAdaptor {
  /// The header of `POST /classes` that says whose turn it is.
  package static let ticketHeader = "Waiting-Room-Ticket"
  /// Of the waiting room, in links to it.
  static let relation = "waitingRoom"
  static let path = "waiting-room"

  private let port: any WaitingRoomPort
  private let links: Links

  package init(port: any WaitingRoomPort, links: Links) {
    self.port = port
    self.links = links
  }

  package func addRoutes(to routes: Routes) {
    let port = self.port
    let room = "/\(Self.path)"
    routes.on(.get, room) { _ in .hal(self.json(try await port.status())) }
    routes.on(.post, room) { request in
      let taken = try await port.takeTicket(try TakeTicket(request), by: request.caller)
      let answer = self.answer(taken.standing, status: taken.isNew ? 201 : 200)
      return taken.isNew ? answer.location(self.href(of: taken.standing)) : answer
    }
    routes.on(.get, "\(room)/{token}") { request in
      self.answer(
        try await port.ticket(request.parameter("token") ?? "", by: request.caller), status: 200)
    }
    routes.on(.delete, "\(room)/{token}") { request in
      try await port.leave(request.parameter("token") ?? "", by: request.caller)
      return .noContent
    }
  }

  private func href(of standing: WaitingStanding) -> String {
    self.links.href(Self.path, standing.ticket.token.value)
  }

  private func answer(_ standing: WaitingStanding, status: Int) -> RESTResponse {
    let answer = RESTResponse.hal(self.json(standing), status: status)
      // It changes while nobody touches it, and is one student's only.
      .adding("Cache-Control", "no-store")
    return standing.retryAfterSeconds.map { answer.retryAfter(seconds: $0) } ?? answer
  }

  private func json(_ standing: WaitingStanding) -> JSONValue {
    let ticket = standing.ticket
    var object: JSONObject = [
      "student": .string(ticket.student),
      "courseId": .integer(ticket.courseID.value),
      "state": .string(ticket.state.rawValue),
    ]
    if let position = standing.position { object.append("position", .integer(position)) }
    if let seconds = standing.estimatedWaitSeconds {
      object.append("estimatedWaitSeconds", .integer(seconds))
    }
    if let end = ticket.turnExpiresAt { object.append("turnExpiresAt", .string(end.rfc3339)) }
    var links: JSONObject = ["self": ["href": .string(self.href(of: standing))]]
    if ticket.state == .turn {
      links.append("classes", ["href": .string(self.links.href("classes"))])
    } else if ticket.state.isOver {
      links.append(Self.relation, ["href": .string(self.links.href(Self.path))])
    }
    object.append("_links", .object(links))
    return .object(object)
  }

  private func json(_ status: WaitingRoomStatus) -> JSONValue {
    [
      "mode": .string(status.mode.rawValue), "waiting": .integer(status.waiting),
      "turns": .integer(status.turns), "registrations": .integer(status.registrations),
      "limit": .integer(status.limit),
      "admissionsPerMinute": .integer(Int((status.admissionsPerSecond * 60).rounded())),
      "_links": ["self": ["href": .string(self.links.href(Self.path))]],
    ]
  }
}

extension TakeTicket {
  fileprivate init(_ request: RESTRequest) throws {
    var fields = try request.fields()
    let student = fields.person("student", of: request.caller)
    let courseID: CourseID = fields.id("courseId")
    try fields.finish()
    self.init(student: student, courseID: courseID)
  }
}

extension WaitingRoomRESTAdaptor {
  /// Runs `register`; a refusal by the waiting room says where to take a ticket.
  static func explaining<Answer>(
    _ links: Links, _ register: () async throws -> Answer
  ) async throws -> Answer {
    do {
      return try await register()
    } catch {
      guard let refusal = (error as? any DomainError)?.problem, Self.isRefusal(refusal) else {
        throw error
      }
      var problem = HTTPProblem(refusal)
      problem.links = [.init(Self.relation, links.href(Self.path))]
      throw problem
    }
  }

  private static func isRefusal(_ problem: Problem) -> Bool {
    problem.code == WaitingRoomError.waitCode
      || problem.code.hasPrefix(WaitingRoomError.ticketCodePrefix)
  }
}
