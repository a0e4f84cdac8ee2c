import Contracts
import Foundation
import FramedRPC
import HTTPClientKit
import JSON
import NIOPosix
import TestSupport

/// The real thing: `sugang up` with a process for each service, on ports and data of its own.
package final class RunningSugang: Sendable {
  /// nil when the data lies in a folder of the caller's.
  package let folder: TemporaryFolder?
  package let data: String
  package let portOffset: Int
  package let http: HTTPClient
  package let processID: Int32
  private let process: SendableProcess
  private let supervisorChannel: RPCClient

  /// Returns when every service is ready.
  ///
  /// - Parameters:
  ///   - folder: Of a system that was, nil for new data.
  ///   - data: A folder of the caller's instead.
  ///   - flags: More flags of `sugang up`.
  ///   - environment: Added to this process's own.
  ///   - preparing: Called with what is added to every port, before the system starts.
  package static func start(
    in folder: TemporaryFolder? = nil, data: String? = nil, flags: [String] = [],
    environment: [String: String] = [:], preparing: (_ portOffset: Int) -> Void = { _ in }
  ) async throws -> RunningSugang {
    let folder = data == nil ? try folder ?? TemporaryFolder() : nil
    let system = try RunningSugang(
      folder: folder, data: data ?? folder?.path ?? "", flags: flags, environment: environment,
      preparing: preparing)
    try await eventually("the system is ready") {
      guard system.process.isRunning else { throw SystemTestFailure("sugang up has ended") }
      return (try? await system.http.request("GET", "/readyz"))?.status == 200
    }
    return system
  }

  private init(
    folder: TemporaryFolder?, data: String, flags: [String], environment: [String: String],
    preparing: (_ portOffset: Int) -> Void
  ) throws {
    self.folder = folder
    self.data = data
    self.portOffset = try FreePorts.offset()
    preparing(self.portOffset)
    self.http = HTTPClient(port: 8088 + self.portOffset, deadline: .seconds(20))
    self.process = try SendableProcess(
      Self.executable,
      [
        "up", "--data", data, "--port-offset", "\(self.portOffset)", "--log-level",
        "error",
      ] + flags, environment: environment)
    self.processID = self.process.processID
    self.supervisorChannel = RPCClient(
      address: .unix(path: data + "/supervisor.sock"),
      group: MultiThreadedEventLoopGroup.singleton)
  }

  /// Beside the test bundle, in the build folder.
  package static var executable: String {
    let bundle = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    return bundle.deletingLastPathComponent().appendingPathComponent("sugang").path
  }

  package var supervisor: SupervisorV1.SupervisorServiceClient {
    SupervisorV1.SupervisorServiceClient(self.supervisorChannel)
  }

  /// The processes of the services that run now, by name.
  package func processIDs() async throws -> [String: Int32] {
    let states = try await self.supervisor.listServices(
      SupervisorV1.ListServicesRequest(), options: CallOptions(timeout: .seconds(10))
    ).services
    return Dictionary(
      states.filter { $0.pid > 1 }.map { ($0.name, Int32($0.pid)) }, uniquingKeysWith: { $1 })
  }

  /// Ends a service's process without warning; the supervisor starts it again.
  package func kill(_ service: String) async throws {
    try await self.signal(SIGKILL, service)
  }

  /// Sends a signal to a service's process.
  package func signal(_ signal: Int32, _ service: String) async throws {
    guard let pid = try await self.processIDs()[service] else {
      throw SystemTestFailure("\(service) has no process")
    }
    _ = Foundation.kill(pid, signal)
  }

  /// Ends every process of the system at once, the supervisor first, as a power cut does.
  package func killEverything() async throws {
    let processes = try await self.processIDs()
    self.supervisorChannel.shutdown()
    self.http.close()
    self.process.signal(SIGKILL)
    for pid in processes.values { _ = Foundation.kill(pid, SIGKILL) }
    try await eventually("sugang up has ended") { !self.process.isRunning }
  }

  /// Stops a service for good, until ``startService(_:)``.
  package func stopService(_ service: String, kill: Bool) async throws {
    _ = try await self.supervisor.stopService(
      SupervisorV1.StopServiceRequest(name: service, kill: kill),
      options: CallOptions(timeout: .seconds(20)))
  }

  package func startService(_ service: String) async throws {
    _ = try await self.supervisor.startService(
      SupervisorV1.StartServiceRequest(name: service), options: CallOptions(timeout: .seconds(20)))
  }

  /// Drains and waits for the end.
  package func stop() async throws {
    self.supervisorChannel.shutdown()
    self.http.close()
    self.process.signal(SIGTERM)
    try await eventually("sugang up has ended") { !self.process.isRunning }
  }

  deinit {
    self.process.signal(SIGTERM)
  }

  // MARK: what the tests ask for

  package func registerCourse(fee: Int = 10_000) async throws -> Int64 {
    let answer = try await self.http.request(
      "POST", "/courses",
      body: #"{"name":"korean","teacher":"hong","fee":\#(fee),"textBook":"kor_book"}"#)
    guard answer.status == 201 else { throw SystemTestFailure(answer.text) }
    return try Self.id(answer.json)
  }

  package func enroll(_ student: String, course: Int64) async throws -> HTTPResponse {
    try await self.http.request(
      "POST", "/classes", body: #"{"courseId":\#(course),"student":"\#(student)"}"#)
  }

  /// Enrolls a student of whom the test has nothing but the class to ask.
  ///
  /// - Throws: ``SystemTestFailure`` when the answer is neither 201 nor 202.
  package func admit(_ student: String, course: Int64) async throws {
    let answer = try await self.patiently(
      "POST", "/classes", headers: [("Idempotency-Key", "admit-\(student)")],
      body: #"{"courseId":\#(course),"student":"\#(student)"}"#)
    guard [201, 202].contains(answer.status) else {
      throw SystemTestFailure("\(student): \(answer.status) \(answer.text)")
    }
  }

  /// Every item of a collection.
  package func all(_ collection: String) async throws -> [JSONValue] {
    var items: [JSONValue] = []
    var page = 0
    while true {
      let answer = try await self.patiently(
        "GET", "/\(collection)?size=1000&page=\(page)")
      guard answer.status == 200, let found = answer.json["_embedded"]?[collection]?.array else {
        throw SystemTestFailure("\(collection): \(answer.status) \(answer.text.prefix(400))")
      }
      items += found
      guard found.count == 1000 else { return items }
      page += 1
    }
  }

  /// Comes again when a 503 asks for that: on a busy machine, or behind a load, that is no failure.
  private func patiently(
    _ verb: String, _ path: String, headers: [(String, String)] = [], body: String? = nil
  ) async throws -> HTTPResponse {
    let end = ContinuousClock.now + .seconds(30)
    while true {
      let answer = try await self.http.request(verb, path, headers: headers, body: body)
      guard answer.status == 503, ContinuousClock.now < end,
        let seconds = answer.header("Retry-After").flatMap({ Int($0) })
      else { return answer }
      try await Task.sleep(for: .seconds(seconds))
    }
  }

  package static func id(_ item: JSONValue) throws -> Int64 {
    guard let href = item["_links"]?["self"]?["href"]?.string,
      let id = href.split(separator: "/").last.flatMap({ Int64($0) })
    else { throw SystemTestFailure("no id in \(item)") }
    return id
  }
}

/// What went wrong with the system under test.
package struct SystemTestFailure: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
