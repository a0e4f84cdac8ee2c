import Foundation
import JSON
import SystemHarness
import TestSupport
import Testing

/// A server of framedrpc.v1.TestService in a process of its own: the command line knows nothing of
/// it but what reflection tells.
private final class TestServer: Sendable {
  let address: String
  private let process: SendableProcess
  private let input: Pipe

  static func start() async throws -> TestServer {
    let input = Pipe()
    let output = Pipe()
    let executable = URL(fileURLWithPath: RunningSugang.executable).deletingLastPathComponent()
      .appendingPathComponent("framed-rpc-test-server").path
    let process = try SendableProcess(executable, [], input: input, output: output)
    // Ends when the server has said where it listens, or has died.
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    guard let address = line.split(separator: "\n").first?.split(separator: " ").last else {
      throw SystemTestFailure("the test server did not start: \(line)")
    }
    return TestServer(address: String(address), process: process, input: input)
  }

  private init(address: String, process: SendableProcess, input: Pipe) {
    self.address = address
    self.process = process
    self.input = input
  }

  deinit {
    self.process.signal(SIGTERM)
  }
}

@Suite("sugang rpc")
struct RPCCommandTests {
  private static func run(
    _ arguments: [String], input: String? = nil
  ) async throws -> (status: Int32, text: String) {
    let pipe = input.map { text in
      let pipe = Pipe()
      // Less than a pipe holds.
      try? pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8))
      try? pipe.fileHandleForWriting.close()
      return pipe
    }
    let output = Pipe()
    let process = try SendableProcess(
      RunningSugang.executable, ["rpc"] + arguments, input: pipe, output: output)
    try await eventually("sugang rpc \(arguments) ends") { !process.isRunning }
    let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    return (process.exitStatus, text)
  }

  @Test("list and describe tell what a server offers, by reflection alone")
  func describes() async throws {
    let server = try await TestServer.start()
    let services = try await Self.run(["list", server.address])
    #expect(services.status == 0)
    #expect(
      services.text.split(separator: "\n").sorted() == [
        "framedrpc.v1.HealthService", "framedrpc.v1.ReflectionService",
        "framedrpc.v1.StatisticsService", "framedrpc.v1.StreamTestService",
        "framedrpc.v1.TestService",
      ])
    let methods = try await Self.run(["list", server.address, "HealthService"])
    #expect(methods.text.contains("framedrpc.v1.HealthService/Check\n"))
    let unknown = try await Self.run(["list", server.address, "HealthServic"])
    #expect(unknown.status == 1)
    #expect(unknown.text.contains("did you mean HealthService?"), "\(unknown.text)")

    let method = try await Self.run(["describe", server.address, "TestService/Echo"])
    #expect(
      method.text.contains(
        "rpc Echo(framedrpc.v1.EchoRequest) returns (framedrpc.v1.EchoResponse);"))
    #expect(method.text.contains("  int32 delay_ms = 3;  // JSON: delayMs\n"))
    let message = try await Self.run(["describe", server.address, "Everything"])
    #expect(message.text.contains("  optional int64 maybe = 14;\n"), "\(message.text)")
    #expect(message.text.contains("enum framedrpc.v1.Color {\n"), "\(message.text)")
    let service = try await Self.run(["describe", server.address, "TestService"])
    #expect(service.text.contains("message framedrpc.v1.Innermost {\n  int64 value = 1;\n}"))
    let nothing = try await Self.run(["describe", server.address, "Innermos"])
    #expect(nothing.status == 1)
    #expect(nothing.text.contains("did you mean Innermost?"), "\(nothing.text)")
  }

  @Test("a template can be sent as it stands, from a file and from stdin")
  func template() async throws {
    let server = try await TestServer.start()
    let template = try await Self.run(["template", server.address, "Echo"])
    #expect(template.status == 0)
    let folder = try TemporaryFolder()
    let file = folder.path + "/request.json"
    try Data(template.text.utf8).write(to: URL(fileURLWithPath: file))
    let fromFile = try await Self.run(["call", server.address, "Echo", "-d", "@\(file)"])
    #expect(fromFile.status == 0, "\(fromFile.text)")
    let fromInput = try await Self.run(
      ["call", server.address, "Echo", "-d", "@-"], input: template.text)
    #expect(try JSONValue(parsing: fromInput.text)["number"] == 0)
  }

  @Test("flags may stand anywhere, metadata and the deadline reach the handler")
  func call() async throws {
    let server = try await TestServer.start()
    let outcome = try await Self.run([
      "call", "-d", #"{"text": "수강", "number": "9007199254740993"}"#, "--timeout", "20s",
      server.address, "-H", "request-id: 42", "TestService/Echo",
    ])
    #expect(outcome.status == 0, "\(outcome.text)")
    let answer = try JSONValue(parsing: outcome.text)
    #expect(answer["text"] == "수강")
    #expect(answer["number"] == .number("9007199254740993"))
    #expect(answer["requestId"] == "42")
    let remaining = try #require(answer["remainingMs"]?.int64)
    #expect((1...20_000).contains(remaining))
  }

  @Test("a call that fails ends with 64 + its status, in words or as JSON")
  func failures() async throws {
    let server = try await TestServer.start()
    let request = #"{"failWith": 5, "text": "no such student"}"#
    let words = try await Self.run(["call", server.address, "Echo", "-d", request])
    #expect(words.status == 69)
    #expect(words.text.hasPrefix("error: NOT_FOUND (asked-for): no such student\n  detail: one\n"))
    let json = try await Self.run(["call", server.address, "Echo", "-d", request, "--json"])
    #expect(json.status == 69)
    let error = try JSONValue(parsing: json.text)
    #expect(error["status"] == "NOT_FOUND")
    #expect(error["code"] == 5)
    #expect(error["reason"] == "asked-for")
    #expect(
      error["metadata"] == [
        ["key": "detail", "value": "one"], ["key": "detail", "base64": "AP8="],
      ])
    let late = try await Self.run([
      "call", server.address, "Echo", "-d", #"{"delayMs": 60000}"#, "--timeout", "300ms",
    ])
    #expect(late.status == 68, "\(late.text)")
    let absent = try await Self.run(["call", "127.0.0.1:1", "Echo"])
    #expect(absent.status == 78, "\(absent.text)")
  }

  @Test(
    "a request that cannot be is refused before it is sent",
    arguments: [
      (["Echo", "-d", #"{"txt": 1}"#], 1, "has no field 'txt'"),
      (["Echo", "-d", "{"], 1, "the request is not JSON"),
      (["Ech"], 1, "did you mean Echo?"),
      (["Echo", "-d", "@/no/such/file"], 1, "cannot read the request"),
      (["Echo", "-H", "nothing"], 1, "has no colon"),
      ([], 2, "Missing expected argument"),
    ] as [([String], Int32, String)])
  func refused(arguments: [String], status: Int32, message: String) async throws {
    let server = try await TestServer.start()
    let outcome = try await Self.run(["call", server.address] + arguments)
    #expect(outcome.status == status, "\(outcome.text)")
    #expect(outcome.text.contains(message), "\(outcome.text)")
  }

  @Test("the answers of a stream are printed a line each as they come")
  func stream() async throws {
    let server = try await TestServer.start()
    let output = Pipe()
    let process = try SendableProcess(
      RunningSugang.executable, ["rpc", "call", server.address, "HealthService/Watch"],
      output: output)
    // The call has no end of its own: what is read here came before it ended.
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    #expect(line == "{\"reasons\":[],\"status\":\"SERVING_STATUS_SERVING\"}\n")
    #expect(process.isRunning)
    process.signal(SIGTERM)
    try await eventually("the watch ends") { !process.isRunning }
    let many = try await Self.run(["call", server.address, "Check", "-d", "{}{}"])
    #expect(many.text.contains("HealthService/Check takes one request, not 2"), "\(many.text)")
  }

  @Test("a pipe feeds a stream: each line is sent when it comes, each answer printed when it comes")
  func pipe() async throws {
    let server = try await TestServer.start()
    let input = Pipe()
    let output = Pipe()
    let process = try SendableProcess(
      RunningSugang.executable, ["rpc", "call", server.address, "Chat", "-d", "@-"], input: input,
      output: output)
    for (number, body) in ["AAAA", "AAAAAAAA"].enumerated() {
      // The second is written when the answer to the first was read.
      try input.fileHandleForWriting.write(
        contentsOf: Data("{\"sizes\":[1],\"body\":\"\(body)\"}\n".utf8))
      let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
      let answer = try JSONValue(parsing: line)
      #expect(answer["messages"]?.int64 == Int64(number + 1), "\(line)")
      #expect(answer["totalBytes"]?.int64 == [3, 9][number], "\(line)")
      #expect(process.isRunning)
    }
    try input.fileHandleForWriting.close()
    try await eventually("the chat ends") { !process.isRunning }
    #expect(process.exitStatus == 0)
  }

  @Test("an upload takes the lines of stdin, and its one answer is printed")
  func upload() async throws {
    let server = try await TestServer.start()
    let outcome = try await Self.run(
      ["call", server.address, "Upload", "-d", "@-"],
      input: String(repeating: "{\"body\":\"AAAA\"}\n", count: 1000))
    #expect(outcome.status == 0, "\(outcome.text)")
    let answer = try JSONValue(parsing: outcome.text)
    #expect(answer["messages"]?.int64 == 1000)
    #expect(answer["totalBytes"]?.int64 == 3000)
    let nothing = try await Self.run(["call", server.address, "Upload", "-d", "@-"], input: "")
    #expect(try JSONValue(parsing: nothing.text)["messages"]?.int64 == 0)
  }

  @Test("a line that is no request cancels the stream, and is told by its number")
  func badLine() async throws {
    let server = try await TestServer.start()
    for (line, message) in [
      ("{\"bdoy\": \"AAAA\"}", "error: line 2: "),
      ("{\"body\": }", "error: line 2: the request is not"),
    ] {
      let outcome = try await Self.run(
        ["call", server.address, "Upload", "-d", "@-"], input: "{}\n\(line)\n{}\n")
      #expect(outcome.status == 1)
      #expect(outcome.text.contains(message), "\(outcome.text)")
      let literal = try await Self.run(["call", server.address, "Chat", "-d", "{}\n\(line)"])
      #expect(literal.status == 1)
      #expect(literal.text.contains(message), "\(literal.text)")
    }
  }

  @Test("a server that does not read makes the writer of the pipe wait")
  func pushback() async throws {
    let server = try await TestServer.start()
    let input = Pipe()
    let output = Pipe()
    let process = try SendableProcess(
      RunningSugang.executable,
      ["rpc", "call", server.address, "Upload", "-d", "@-"], input: input, output: output)
    // The test asks the pipe, rather than a clock, whether its reader still takes anything.
    let descriptor = input.fileHandleForWriting.fileDescriptor
    #expect(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
    let body = String(repeating: "A", count: 40_000)
    var line = Array("{\"text\":\"deaf\"}\n".utf8)
    var written = 0
    var isStuck = false
    // Windows, queues, chunks and the pipe hold under 2 MiB together.
    while written < 64 << 20, !isStuck {
      var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      isStuck = unsafe Foundation.poll(&poll, 1, 3_000) == 0
      guard !isStuck else { break }
      let count = unsafe write(descriptor, line, line.count)
      guard count > 0 else { continue }
      written += count
      line = Array(line.dropFirst(count))
      if line.isEmpty { line = Array("{\"body\":\"\(body)\"}\n".utf8) }
    }
    #expect(isStuck)
    #expect(written < 4 << 20, "\(written) bytes")
    #expect(process.isRunning)
    process.signal(SIGTERM)
    try await eventually("the upload ends") { !process.isRunning }
  }

  @Test("press measures a method, and ends with 3 when a threshold does not hold")
  func press() async throws {
    let server = try await TestServer.start()
    let arguments = [
      "press", server.address, "Echo", "-d", #"{"text": "s{{i}}"}"#, "--rate", "200",
      "--duration", "500ms", "--json",
    ]
    let kept = try await Self.run(arguments + ["--threshold", "errors<1%", "-c", "2"])
    #expect(kept.status == 0, "\(kept.text)")
    let result = try JSONValue(parsing: kept.text)
    #expect(result["calls"] == 100)
    #expect(result["statuses"]?["OK"] == 100)
    #expect(result["latencyMilliseconds"]?["p99.99"] != nil)
    let missed = try await Self.run(arguments + ["--threshold", "max<0.001us"])
    #expect(missed.status == 3, "\(missed.text)")
    #expect(try JSONValue(parsing: missed.text)["thresholds"]?.array?.first?["holds"] == false)
    let wrong = try await Self.run(arguments + ["--threshold", "p99<3"])
    #expect(wrong.status == 2, "\(wrong.text)")
  }

  @Test(
    "press measures streams of each kind to their end, and counts their messages",
    arguments: [
      ("Download", #"{"sizes": [1, 2], "times": 5}"#, [], 1, 10, "server-streaming"),
      ("Upload", #"{"body": "AAAA"}{}"#, ["--messages", "3"], 6, 1, "client-streaming"),
      ("Chat", #"{"sizes": [9, 9], "text": "{{i}}"}"#, ["--messages", "4"], 4, 8, "bidirectional"),
    ] as [(String, String, [String], Int, Int, String)])
  func pressStreams(
    method: String, request: String, options: [String], sent: Int, received: Int, kind: String
  ) async throws {
    let server = try await TestServer.start()
    let outcome = try await Self.run(
      [
        "press", server.address, method, "-d", request, "--rate", "100", "--duration", "300ms",
        "--json", "--timeout", "60s", "--threshold", "errors<=0",
      ] + options)
    #expect(outcome.status == 0, "\(outcome.text)")
    let result = try JSONValue(parsing: outcome.text)
    #expect(result["kind"] == .string(kind))
    #expect(result["statuses"] == ["OK": 30])
    #expect(result["messages"]?["sent"] == .integer(30 * sent))
    #expect(result["messages"]?["received"] == .integer(30 * received))
  }

  @Test("press says what a method cannot be pressed with, and counts streams that fail")
  func pressRefused() async throws {
    let server = try await TestServer.start()
    let arguments = ["press", server.address, "--rate", "100", "--duration", "100ms"]
    for (more, message) in [
      (["Download", "--messages", "2"], "takes one request: no --messages"),
      (["Download", "-d", "{}{}"], "takes one request, not 2"),
      (["Chat", "-d", #"{"size": 1}"#], "has no field 'size'"),
    ] {
      let outcome = try await Self.run(arguments + more)
      #expect(outcome.status == 1)
      #expect(outcome.text.contains(message), "\(outcome.text)")
    }
    let failed = try await Self.run(
      arguments + [
        "Chat", "-d", #"{"sizes": [1], "failWith": 5}"#, "--threshold", "errors<1%", "--json",
      ])
    #expect(failed.status == 3, "\(failed.text)")
    let result = try JSONValue(parsing: failed.text)
    #expect(result["statuses"] == ["NOT_FOUND": 10])
    #expect(result["messages"]?["received"] == 10)
  }

  @Test("the completion script asks the server for its methods")
  func completion() async throws {
    let server = try await TestServer.start()
    let output = Pipe()
    let process = try SendableProcess(
      RunningSugang.executable,
      [
        "---completion", "rpc", "call", "--", "positional@1", "4", "0", "sugang", "rpc", "call",
        server.address, "",
      ],
      environment: ["SAP_SHELL": "bash"], output: output)
    try await eventually("the completion ends") { !process.isRunning }
    let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    #expect(text.contains("TestService/Echo\n"), "\(text)")
  }
}
