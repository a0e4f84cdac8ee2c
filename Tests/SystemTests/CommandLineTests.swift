import Foundation
import SystemHarness
import TestSupport
import Testing

@Suite("The command line")
struct CommandLineTests {
  @Test(
    "a setting that cannot be is refused with what it can be",
    arguments: [
      (["up", "--port-offset", "50001"], "the port offset is from 0 to 50000, not 50001"),
      (["up", "--log-level", "loud"], "there is no log level 'loud'; give one of trace"),
      (
        ["up", "--public-url", "ftp://x"],
        "the public URL is like https://sugang.example, not 'ftp://x'"
      ),
      (["up", "--pay-limit-won", "1000000001"], "the pay limit is from 0 to 1000000000 won"),
      (["up", "--drain-seconds", "61"], "a service drains for 0 to 60 seconds, not 61"),
      (["up", "--event-delay-seconds", "5"], "events are delayed for 0 to 3 seconds, not 5"),
      (
        ["up", "--rpc-limit", "0"],
        "the RPC limit is 'adaptive', 'off' or a number from 1 to 65536, not '0'"
      ),
      (
        ["up", "--balancing", "fair"],
        "the balancing is 'least-loaded', 'round-robin', 'weighted' or 'pick-first', not 'fair'"
      ),
      (["up", "--waiting-room", "ajar"], "the waiting room is 'off', 'auto' or 'on', not 'ajar'"),
      (
        ["up", "--waiting-room-limit", "0"],
        "the limit of the waiting room is from 1 to 65536, not 0"
      ),
      (["up", "--data", ""], "the folder of the data has no name"),
      (["up", "--config", "/no/such.json"], "the configuration '/no/such.json' cannot be read"),
    ])
  func refusesSettings(arguments: [String], message: String) async throws {
    let outcome = try await Self.run(arguments)
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("error: \(message)"), "\(outcome.text)")
  }

  @Test(
    "a token between services that could be guessed or cannot travel is refused, unseen",
    arguments: ["secret", "fifteen-letters", "sixteen letters!"])
  func refusesToken(token: String) async throws {
    let outcome = try await Self.run(["serve", "pay"], ["SUGANG_RPC_TOKEN": token])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("error: SUGANG_RPC_TOKEN is not a token: 16 or more letters"))
    #expect(!outcome.text.contains(token))
  }

  @Test("an address that this machine does not have is not taken for a port in use")
  func refusesAddress() async throws {
    let folder = try TemporaryFolder()
    let outcome = try await Self.run(["up", "--host", "256.1.1.1", "--data", folder.path])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("error: the address '256.1.1.1' cannot be bound: "))
    #expect(!outcome.text.contains("--port-offset"), "\(outcome.text)")
  }

  @Test(
    "a command that is not understood ends with 2",
    arguments: [
      ["serve", "nothing"], ["up", "--port-offset", "x"], ["fly"], ["events", "parked", "nothing"],
      ["events", "retry"], ["events", "skip", "pay"], ["events", "skip", "pay", "--subject", "x"],
      ["up", "--in-process", "--background-followers"],
      ["mypage", "rebuild", "--data", "data", "--port-offset", "100"],
    ])
  func refusesCommands(arguments: [String]) async throws {
    let outcome = try await Self.run(arguments)
    #expect(outcome.status == 2)
    #expect(outcome.text.contains("error: "), "\(outcome.text)")
  }

  @Test("R27: a flag wins over the environment, the environment over the file")
  func precedence() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/sugang.json"
    try Data(#"{"portOffset": 50001, "flavour": 1}"#.utf8).write(to: URL(fileURLWithPath: file))

    let fromFile = try await Self.run(["up", "--config", file])
    #expect(fromFile.text.contains("not 50001"))
    #expect(fromFile.text.contains("flavour"), "an unknown key is told: \(fromFile.text)")

    let environment = ["SUGANG_CONFIG": file, "SUGANG_PORT_OFFSET": "50002"]
    #expect(try await Self.run(["up"], environment).text.contains("not 50002"))
    let flag = try await Self.run(["up", "--port-offset", "50003"], environment)
    #expect(flag.text.contains("not 50003"))
  }

  @Test("R27: a value of the wrong type in the file is an error, never a guess")
  func wrongTypeInFile() async throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/sugang.json"
    try Data(#"{"portOffset": true}"#.utf8).write(to: URL(fileURLWithPath: file))

    let outcome = try await Self.run(["up", "--config", file])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("'portOffset' in '\(file)' must be a whole number"))
  }

  @Test("an environment variable of the wrong type is an error, never a default")
  func wrongType() async throws {
    let outcome = try await Self.run(["up"], ["SUGANG_PORT_OFFSET": "many"])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("error: the setting 'portOffset' cannot be read"))
  }

  static func run(
    _ arguments: [String], _ environment: [String: String] = [:]
  ) async throws -> (status: Int32, text: String) {
    let output = Pipe()
    let process = try SendableProcess(
      RunningSugang.executable, arguments, environment: environment, output: output)
    // Less than a pipe holds, so that nobody has to read meanwhile.
    try await eventually("sugang \(arguments) ends") { !process.isRunning }
    let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    return (process.exitStatus, text)
  }
}
