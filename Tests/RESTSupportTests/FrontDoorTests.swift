import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Synchronization
import Testing

@testable import RESTSupport

/// Lets in so many.
private final class Room: RequestAdmission {
  let places: Int
  let seconds = Mutex(1)
  let refused = Mutex(0)

  init(_ places: Int) {
    self.places = places
  }

  func isFull(for verb: HTTPVerb, running: Int) -> Bool { running >= self.places }

  func refuseIfFull(_ verb: HTTPVerb, running: Int) -> HTTPProblem? {
    guard running >= self.places else { return nil }
    self.refused.withLock { $0 += 1 }
    return .overloaded("full", retryAfterSeconds: self.seconds.withLock(\.self))
  }

  func arrive(_ arrival: RESTArrival) throws {}

  func enter(_ arrival: RESTArrival, on loop: any EventLoop) async throws -> RESTPlace {
    RESTPlace(route: arrival.route, began: .now())
  }

  func leave(_ place: RESTPlace, isMeasured: Bool) {}
}

@Suite("Refusing at the door")
struct FrontDoorTests {
  private static func door(
    _ room: Room, limits: RESTServerConfiguration = RESTServerConfiguration()
  ) -> FrontDoor {
    let routes = Routes()
    routes.on(.get, "/toys") { _ in .noContent }
    routes.on(.get, "/toys/{id}") { _ in .noContent }
    routes.on(.post, "/toys") { _ in .noContent }
    routes.on(.get, "/livez", isExempt: true) { _ in .noContent }
    return FrontDoor(routes: routes.finished, admission: room, metrics: nil, limits: limits)
  }

  /// A connection of decoded requests.
  private static func connection(_ door: FrontDoor) throws -> EmbeddedChannel {
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandler(
      EarlyRefusalHandler(door, PlainRefusalHandler(door)))
    return channel
  }

  private static func get(_ channel: EmbeddedChannel, _ path: String = "/toys") throws {
    try channel.writeInbound(
      HTTPRequestPart.head(
        .init(method: .get, scheme: "http", authority: "a", path: path)))
    try channel.writeInbound(HTTPRequestPart.end(nil))
  }

  private static func isRefused(_ channel: EmbeddedChannel) throws -> Bool {
    var statuses: [Int] = []
    while let part = try channel.readOutbound(as: HTTPResponsePart.self) {
      if case .head(let head) = part { statuses.append(head.status.code) }
    }
    return statuses == [503]
  }

  @Test("requests that were let by take up room until they are answered, or nobody waits for them")
  func running() throws {
    let door = Self.door(Room(2))
    let (one, other, third) = (
      try Self.connection(door), try Self.connection(door), try Self.connection(door)
    )
    try Self.get(one)
    try Self.get(other)
    #expect(try !Self.isRefused(one))
    #expect(try !Self.isRefused(other))
    try Self.get(third)
    #expect(try Self.isRefused(third), "two are in")

    try one.writeOutbound(HTTPResponsePart.head(.init(status: .ok)))
    try one.writeOutbound(HTTPResponsePart.end(nil))
    try Self.get(third)
    #expect(try !Self.isRefused(third), "one is answered")
    try Self.get(one)
    // Its own answer is there, too.
    while try one.readOutbound(as: HTTPResponsePart.self) != nil {}
    _ = try other.finish(acceptAlreadyClosed: true)
    try Self.get(one)
    _ = try one.finish(acceptAlreadyClosed: true)
    _ = try third.finish(acceptAlreadyClosed: true)
    #expect(!door.isFull, "all are gone")
  }

  @Test("a request that is still sent takes up no room")
  func slowSender() throws {
    let door = Self.door(Room(1))
    let (slow, other) = (try Self.connection(door), try Self.connection(door))
    try slow.writeInbound(
      HTTPRequestPart.head(.init(method: .post, scheme: "http", authority: "a", path: "/toys")))
    try slow.writeInbound(HTTPRequestPart.body(ByteBuffer(string: "{")))
    try Self.get(other)
    #expect(try !Self.isRefused(other))
    // Answered before it was sent: its end counts for nothing.
    try slow.writeOutbound(HTTPResponsePart.head(.init(status: .badRequest)))
    try slow.writeOutbound(HTTPResponsePart.end(nil))
    try slow.writeInbound(HTTPRequestPart.end(nil))
    #expect(door.isFull)
    _ = try other.finish(acceptAlreadyClosed: true)
    #expect(!door.isFull)
    _ = try slow.finish(acceptAlreadyClosed: true)
  }

  // MARK: bytes

  private static let request = "GET /toys HTTP/1.1\r\nHost: a\r\n\r\n"

  private final class Clock: Sendable {
    let now = Mutex(ContinuousClock.now)
  }

  private static func plain(
    _ door: FrontDoor, _ clock: Clock = Clock()
  ) throws -> (channel: EmbeddedChannel, handler: PlainRefusalHandler) {
    let handler = PlainRefusalHandler(door, now: { clock.now.withLock(\.self) })
    return (EmbeddedChannel(handler: handler), handler)
  }

  private static func send(_ text: String, _ channel: EmbeddedChannel) throws -> (
    passedOn: String, answer: String
  ) {
    try channel.writeInbound(ByteBuffer(string: text))
    let passed = try channel.readInbound(as: ByteBuffer.self).map { String(buffer: $0) }
    let answer = try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
    return (passed ?? "", answer ?? "")
  }

  @Test("what is refused goes no further, and is told what changes from one to the next")
  func plain() throws {
    let room = Room(0)
    let (channel, _) = try Self.plain(Self.door(room))
    var ids: Set<Substring> = []
    for (path, seconds) in [("/toys", 1), ("/toys", 1), ("/toys", 2), ("/toys/77", 2)] {
      room.seconds.withLock { $0 = seconds }
      let (passedOn, answer) = try Self.send(
        "GET \(path)?a=b HTTP/1.1\r\nHost: a\r\n\r\n", channel)
      #expect(passedOn.isEmpty)
      #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
      #expect(answer.contains("\r\nRetry-After: \(seconds)\r\n"))
      #expect(answer.contains(#""\#(path)""#))
      let parts = answer.split(separator: "\r\n\r\n")
      #expect(parts[0].contains("Content-Length: \(parts[1].utf8.count)"))
      let id = try #require(
        parts[0].split(separator: "\r\n").first { $0.hasPrefix("Request-Id: ") }?.dropFirst(12))
      #expect(parts[1].contains(#""\#(id)""#))
      ids.insert(id)
    }
    #expect(ids.count == 4)
    #expect(room.refused.withLock(\.self) == 4)
    _ = try channel.finish()
  }

  @Test("what nobody refuses goes on as it came")
  func goesOn() throws {
    let (channel, handler) = try Self.plain(Self.door(Room(0)))
    for text in ["/livez", "/nothing"].map({ "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }) {
      let (passedOn, answer) = try Self.send(text, channel)
      #expect(passedOn == text)
      #expect(answer.isEmpty)
      // One behind it waits for its answer.
      #expect(try Self.send(Self.request, channel).passedOn == Self.request)
      handler.answered()
      handler.answered()
      #expect(try Self.send(Self.request, channel).passedOn.isEmpty)
    }
    _ = try channel.finish()
  }

  @Test("a body that comes later is not taken for a request")
  func bodyLater() throws {
    let (channel, handler) = try Self.plain(Self.door(Room(0)))
    let body = Self.request
    let head = "POST /toys HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count + 1)\r\n\r\n"
    #expect(try Self.send(head, channel).passedOn == head)
    handler.answered()
    #expect(try Self.send(body, channel).passedOn == body)
    #expect(try Self.send("x", channel).passedOn == "x")
    #expect(try Self.send(Self.request, channel).passedOn.isEmpty, "this one is one")
    _ = try channel.finish()
  }

  @Test(
    "once it is not certain where a request begins, all goes on",
    arguments: [
      "GET /toys HTTP/1.1\r\nHo", request + request, request + "x",
      "POST /toys HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /toys HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxG", "nonsense",
    ])
  func uncertain(text: String) throws {
    let (channel, handler) = try Self.plain(Self.door(Room(0)))
    #expect(try Self.send(text, channel).passedOn == text)
    handler.answered()
    handler.answered()
    #expect(try Self.send(Self.request, channel).passedOn == Self.request)
    _ = try channel.finish()
  }

  @Test("now and then one goes on, so that the connection is not taken for idle")
  func seen() throws {
    let clock = Clock()
    var limits = RESTServerConfiguration()
    limits.idleTimeout = .seconds(10)
    let (channel, handler) = try Self.plain(Self.door(Room(0), limits: limits), clock)
    for _ in 0..<2 {
      clock.now.withLock { $0 += .seconds(4) }
      #expect(try Self.send(Self.request, channel).passedOn.isEmpty)
      clock.now.withLock { $0 += .seconds(1) }
      #expect(try Self.send(Self.request, channel).passedOn == Self.request)
      handler.answered()
    }
    _ = try channel.finish()
  }

  @Test("who does not read the answers gets no more of them from here")
  func unread() throws {
    let (channel, _) = try Self.plain(Self.door(Room(0)))
    channel.isWritable = false
    channel.pipeline.fireChannelWritabilityChanged()
    #expect(try Self.send(Self.request, channel).passedOn == Self.request)
    _ = try channel.finish()
  }

  // MARK: rest

  @Test("a loop that refuses rests once a turn, and only when it shall")
  func rest() throws {
    let loop = EmbeddedEventLoop()
    var rests: [Duration] = []
    let rest = LoopRest(loop, .milliseconds(1)) { rests.append($0) }
    for _ in 0..<3 { rest.take() }
    #expect(rests.isEmpty, "not before its work is done")
    loop.run()
    #expect(rests == [.milliseconds(1)])
    rest.take()
    loop.run()
    #expect(rests.count == 2)
    let none = LoopRest(loop, .zero) { rests.append($0) }
    none.take()
    loop.run()
    #expect(rests.count == 2)
  }
}

extension FrontDoor {
  fileprivate var isFull: Bool { self.refusal(of: "GET", .get, "/toys", last: nil) != nil }
}
