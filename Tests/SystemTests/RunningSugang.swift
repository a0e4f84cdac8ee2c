import Contracts
import Foundation
import FramedRPC
import HTTPClientKit
import JSON
import NIOPosix
import TestSupport

/// The real thing: `sugang up` with a process for each service, on ports and data of its own.
final class RunningSugang: Sendable {
  let folder: TemporaryFolder
  let portOffset: Int
  let http: HTTPClient
  let processID: Int32
  private let process: SendableProcess
  private let supervisorChannel: RPCClient

  /// Returns when every service is ready.
  ///
  /// - Parameters:
  ///   - folder: Of a system that was, nil for new data.
  ///   - flags: More flags of `sugang up`.
  static func start(
    in folder: TemporaryFolder? = nil, flags: [String] = []
  ) async throws -> RunningSugang {
    let system = try RunningSugang(folder: folder ?? TemporaryFolder(), flags: flags)
    try await eventually("the system is ready") {
      guard system.process.isRunning else { throw SystemTestFailure("sugang up has ended") }
      return (try? await system.http.request("GET", "/readyz"))?.status == 200
    }
    return system
  }

  private init(folder: TemporaryFolder, flags: [String]) throws {
    self.folder = folder
    self.portOffset = try FreePorts.offset()
    self.http = HTTPClient(port: 8088 + self.portOffset, deadline: .seconds(20))
    self.process = try SendableProcess(
      Self.executable,
      [
        "up", "--data", self.folder.path, "--port-offset", "\(self.portOffset)", "--log-level",
        "error",
      ] + flags)
    self.processID = self.process.processID
    self.supervisorChannel = RPCClient(
      address: .unix(path: self.folder.path + "/supervisor.sock"),
      group: MultiThreadedEventLoopGroup.singleton)
  }

  /// Beside the test bundle, in the build folder.
  static var executable: String {
    let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    return bundle.deletingLastPathComponent().appendingPathComponent("sugang").path
  }

  var supervisor: SupervisorV1.SupervisorServiceClient {
    SupervisorV1.SupervisorServiceClient(self.supervisorChannel)
  }

  /// Ends a service's process without warning; the supervisor starts it again.
  func kill(_ service: String) async throws {
    let states = try await self.supervisor.listServices(
      SupervisorV1.ListServicesRequest(), options: CallOptions(timeout: .seconds(10))
    ).services
    guard let pid = states.first(where: { $0.name == service })?.pid, pid > 1 else {
      throw SystemTestFailure("\(service) has no process: \(states)")
    }
    _ = Foundation.kill(pid_t(pid), SIGKILL)
  }

  /// Drains and waits for the end.
  func stop() async throws {
    self.supervisorChannel.shutdown()
    self.http.close()
    self.process.signal(SIGTERM)
    try await eventually("sugang up has ended") { !self.process.isRunning }
  }

  deinit {
    self.process.signal(SIGTERM)
  }

  // MARK: what the tests ask for

  func registerCourse(fee: Int = 10_000) async throws -> Int64 {
    let answer = try await self.http.request(
      "POST", "/courses",
      body: #"{"name":"korean","teacher":"hong","fee":\#(fee),"textBook":"kor_book"}"#)
    guard answer.status == 201 else { throw SystemTestFailure(answer.text) }
    return try Self.id(answer.json)
  }

  func enroll(_ student: String, course: Int64) async throws -> HTTPResponse {
    try await self.http.request(
      "POST", "/classes", body: #"{"courseId":\#(course),"student":"\#(student)"}"#)
  }

  /// Every item of a collection.
  func all(_ collection: String) async throws -> [JSONValue] {
    var items: [JSONValue] = []
    var page = 0
    while true {
      let answer = try await self.http.request("GET", "/\(collection)?size=1000&page=\(page)")
      guard answer.status == 200, let found = answer.json["_embedded"]?[collection]?.array else {
        throw SystemTestFailure("\(collection): \(answer.text)")
      }
      items += found
      guard found.count == 1000 else { return items }
      page += 1
    }
  }

  static func id(_ item: JSONValue) throws -> Int64 {
    guard let href = item["_links"]?["self"]?["href"]?.string,
      let id = href.split(separator: "/").last.flatMap({ Int64($0) })
    else { throw SystemTestFailure("no id in \(item)") }
    return id
  }
}

/// What went wrong with the system under test.
struct SystemTestFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Asks until the answer is yes; fails when it has not become so in time.
func eventually(
  _ what: String, within limit: Duration = .seconds(60), _ probe: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !probe() {
    guard ContinuousClock.now < end else {
      throw SystemTestFailure("not within \(limit): \(what)")
    }
    try await Task.sleep(for: .milliseconds(20))
  }
}
