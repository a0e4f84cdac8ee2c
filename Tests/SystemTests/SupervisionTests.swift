import Contracts
import Foundation
import HTTPClientKit
import JSON
import SystemHarness
import TestSupport
import Testing

@Suite("sugang up", .serialized)
struct SupervisionTests {
  @Test("a second one on the same data is refused, and the first goes on")
  func refusesSecond() async throws {
    let system = try await RunningSugang.start()
    let output = Pipe()
    let second = try SendableProcess(
      RunningSugang.executable,
      ["up", "--data", system.data, "--port-offset", "\(try FreePorts.offset())"],
      output: output)
    try await eventually("the second ends") { !second.isRunning }
    #expect(second.exitStatus == 1)
    #expect(try await system.http.request("GET", "/readyz").status == 200)
    try await system.stop()
  }

  @Test("services do not outlive a killed supervisor, and a new one takes over their data")
  func leavesNoOrphans() async throws {
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    // Whoever says to be ready has reached those it needs for it.
    #expect(try await system.enroll("john-doe", course: course).status == 201)
    let states = try await system.supervisor.listServices(.init()).services
    #expect(states.count == 8)
    _ = kill(system.processID, SIGKILL)
    try await eventually("all services have ended") {
      states.allSatisfy { kill(pid_t($0.pid), 0) != 0 }
    }

    let next = try await RunningSugang.start(in: system.folder)
    #expect(try await next.all("classes").map { $0["student"]?.string } == ["john-doe"])
    try await next.stop()
  }
}
