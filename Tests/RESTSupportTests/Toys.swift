import HTTPClientKit
import JSON
import Kernel
import Logging
import RESTSupport
import Synchronization
import W3CTrace

/// A thing with every kind of field, to try a resource on.
struct Toy: Sendable {
  let id: CourseID
  var name: String
  var fee: Money
  var note: String?
}

/// One letter of a toy's name.
struct Letter: Sendable {
  let toy: CourseID
  let text: String
}

struct BrokenStore: Error {
  let password = "secret"
}

/// Toys in memory, and a few ways to fail.
final class ToyAdaptor: RESTAdaptor {
  private let toys: Mutex<[Toy]>
  private let resource: HALResource<Toy, CourseKind>

  init(links: Links, count: Int) {
    let toys = (0..<count).map {
      Toy(id: CourseID(Int64($0 + 1)), name: "toy-\($0 + 1)", fee: .zero, note: nil)
    }
    self.toys = Mutex(toys)
    self.resource = HALResource(
      "toys", item: "toy", links: links, id: { $0.id },
      fields: [
        "name": { .string($0.name) },
        "fee": { .integer($0.fee.won) },
        "note": { .optional($0.note) },
      ])
  }

  func addRoutes(to routes: Routes) {
    let letters = HALParts<Letter, CourseKind>(
      "letters", of: \.toy, fields: ["text": { .string($0.text) }])
    routes.resource(self.resource) { toys in
      toys.list { page, _ in self.page(page, of: self.toys.withLock { $0 }) }
      toys.get { id, _ in self.toys.withLock { toys in toys.first { $0.id == id } } }
      toys.create { try self.create($0) }
      toys.modify { try self.modify($0, $1) }
      toys.delete { id, _ in self.toys.withLock { $0.removeAll { $0.id == id } } }
      toys.search("findByName", by: "name") { query, _ in
        let name = try query.text("name")
        return self.toys.withLock { toys in toys.filter { $0.name == name } }
      }
      toys.pagedSearch("findByFee", by: "fee") { query, page, _ in
        let fee = try query.int64("fee")
        return self.page(page, of: self.toys.withLock { $0.filter { $0.fee.won == fee } })
      }
      toys.pagedSearch("findLettersById", by: "id", of: letters) { query, page, _ in
        let id: CourseID = try query.id("id")
        let toy = self.toys.withLock { toys in toys.first { $0.id == id } }
        let letters = (toy?.name ?? "").map { Letter(toy: id, text: String($0)) }
        return Page(
          items: Array(letters.dropFirst(page.offset).prefix(page.size)),
          totalElements: letters.count, request: page)
      }
      toys.searchValue("count", by: "fee") { query, _ in
        let fee = try query.int64("fee")
        let count = self.toys.withLock { $0.count { $0.fee.won == fee } }
        return ["fee": .integer(fee), "count": .integer(count)]
      }
      toys.searchOne("findById", by: "id") { query, _ in
        let id: CourseID = try query.id("id")
        return self.toys.withLock { toys in toys.first { $0.id == id } }
      }
    }
    routes.on(.post, "/accepted") { request in
      let toy = Toy(id: CourseID(7), name: "later", fee: .zero, note: nil)
      return self.resource.accepted(toy, retryAfterSeconds: 3)
    }
    routes.on(.get, "/fail/{how}") { request in throw failure(request.parameter("how") ?? "") }
    routes.on(.post, "/key") { request in
      let key = try request.idempotencyKey()?.value
      return .json(["key": .optional(key), "caller": .string(request.caller.requestID)])
    }
    routes.on(.get, "/trace") { _ in
      .json([
        "parent": .optional(TraceContext.current?.parent),
        "state": .optional(TraceContext.current?.state),
      ])
    }
    routes.addMetrics { "toys \(self.toys.withLock(\.count))\n" }
    let refusal: Routes.Refusal = { .text($0.code, status: 429) }
    routes.on(.post, "/plain", refusing: refusal) { _ in
      RESTResponse(204).adding("Via", "one").adding("Via", "two")
    }
    routes.addHealth { self.toys.withLock { $0.isEmpty ? ["there are no toys", "none"] : [] } }
  }

  private func page(_ page: PageRequest, of toys: [Toy]) -> Page<Toy> {
    Page(
      items: Array(toys.dropFirst(page.offset).prefix(page.size)), totalElements: toys.count,
      request: page)
  }

  private func create(_ request: RESTRequest) throws -> Toy {
    var fields = try request.fields()
    let name = fields.string("name", length: 1...20)
    let fee = fields.money("fee")
    let note = fields.optionalString("note")
    try fields.finish()
    return self.toys.withLock { toys in
      let toy = Toy(id: CourseID(Int64(toys.count + 1)), name: name, fee: fee, note: note)
      toys.append(toy)
      return toy
    }
  }

  private func modify(_ id: CourseID, _ request: RESTRequest) throws -> Toy {
    var fields = try request.fields()
    let name = fields.optionalString("name", length: 1...20)
    let fee = fields.optionalMoney("fee")
    try fields.finish()
    return try self.toys.withLock { toys in
      guard let place = toys.firstIndex(where: { $0.id == id }) else {
        throw Problem.notFound("toy", String(id.value))
      }
      toys[place].name = name ?? toys[place].name
      toys[place].fee = fee ?? toys[place].fee
      return toys[place]
    }
  }
}

private func failure(_ how: String) -> any Error {
  if let kind = Problem.Kind(rawValue: how) {
    return Problem(kind, code: "toy-\(how)", title: "A toy title", detail: "a toy detail")
  }
  return switch how {
  case "domain": ToyError.lost
  case "canceled": CancellationError()
  case "key-running": Problem.idempotencyInProgress
  default: BrokenStore()
  }
}

enum ToyError: DomainError {
  case lost

  var problem: Problem {
    Problem(.conflict, code: "toy-lost", title: "The toy is lost", detail: "look under the bed")
  }
}

/// Runs `body` against a server with toys on a port of its own.
func withToys(
  _ count: Int = 1, on configuration: RESTServerConfiguration = .toys(),
  admission: (any RequestAdmission)? = nil, metrics: HTTPServerMetrics? = nil,
  _ body: @escaping @Sendable (HTTPClient) async throws -> Void
) async throws {
  let (ports, port) = AsyncStream.makeStream(of: Int.self)
  let adaptor = ToyAdaptor(links: Links(publicBaseURL: "http://sugang.example/"), count: count)
  let server = RESTServer(
    configuration: configuration, routes: Routes([adaptor]), admission: admission, metrics: metrics,
    logger: .quiet, onListening: { port.yield($0) })
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      defer { port.finish() }
      try await server.run()
    }
    group.addTask {
      guard let port = await ports.first(where: { _ in true }) else { return }
      let client = HTTPClient(port: port)
      defer { client.close() }
      try await body(client)
    }
    try await group.next()
    group.cancelAll()
  }
}

extension RESTServerConfiguration {
  static func toys(
    _ change: (inout RESTServerConfiguration) -> Void = { _ in }
  ) -> RESTServerConfiguration {
    var configuration = RESTServerConfiguration()
    configuration.style = .compact
    change(&configuration)
    return configuration
  }
}

extension Logger {
  static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
