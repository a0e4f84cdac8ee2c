import Contracts
import FramedRPC
import FramedRPCConnect
import Gateway
import HTTPClientKit
import JSON
import Logging
import NIOCore
import SugangServices
import TestSupport
import Testing

/// What a Connect client in any language does, over a socket.
@Suite("The gateway speaks Connect", .serialized)
struct ConnectGatewayTests {
  @Test("courses, enrollments, wrong fees and wrong fields, JSON and proto, in one story")
  func story() async throws {
    try await withGateway { http async throws in
      let course = try await http.connect(
        "sugang.course.v1.CourseService/CreateCourse",
        #"{"name":"korean","teacher":"hong","fee":"10000","textBook":"kor_book"}"#)
      #expect(course.status == 200)
      #expect(course.header("Content-Type") == "application/json")
      #expect(course.json["course"]?["id"] == "1")

      let enrolled = try await http.connect(
        "sugang.enrollment.v1.EnrollmentService/Enroll",
        #"{"courseId":"1","student":"john-doe","fee":10000}"#, [("X-Request-Id", "mine")])
      #expect(enrolled.status == 200)
      #expect(enrolled.header("Request-Id") == "mine")
      #expect(enrolled.json["enrollment"]?["fee"] == "10000")

      let wrongFee = try await http.connect(
        "sugang.enrollment.v1.EnrollmentService/Enroll",
        #"{"courseId":"1","student":"jane-doe","fee":1}"#)
      #expect(wrongFee.status == 400)
      #expect(wrongFee.json["code"] == "failed_precondition")
      #expect(wrongFee.json["details"]?[0]?["debug"]?["reason"] == "fee-mismatch")
      #expect(wrongFee.header("Trailer-Problem-Kind") == "conflict")

      let blank = try await http.connect("sugang.enrollment.v1.EnrollmentService/Enroll", "{}")
      #expect(blank.status == 400)
      #expect(blank.json["code"] == "invalid_argument")
      #expect(
        blank.json["details"]?[1]?["debug"]?["fieldViolations"]?[0]?["field"] == "student")

      let missing = try await http.connect(
        "sugang.pay.v1.PayService/GetPayment", #"{"id":99}"#)
      #expect(missing.status == 404)
      #expect(missing.json["code"] == "not_found")

      let listed = try await http.request(
        "POST", "/sugang.course.v1.CourseService/ListCourses",
        headers: [("Content-Type", "application/proto"), ("Connect-Protocol-Version", "1")],
        body: "")
      #expect(listed.status == 200)
      #expect(listed.header("Content-Type") == "application/proto")
      let courses = try CourseV1.ListCoursesResponse(decoding: listed.body)
      #expect(courses.courses.map(\.name) == ["korean"])

      // Of the whole system.
      try await eventually {
        let answer = try await http.connect("framedrpc.v1.HealthService/Check", "{}")
        return answer.json["status"] == "SERVING_STATUS_SERVING"
      }
    }
  }

  @Test("no time, another verb, another path, another type, too many bytes")
  func refusals() async throws {
    try await withGateway { http async throws in
      let path = "sugang.pay.v1.PayService/GetPayment"
      let late = try await http.connect(path, #"{"id":1}"#, [("Connect-Timeout-Ms", "0")])
      #expect(late.status == 504)
      #expect(late.json["code"] == "deadline_exceeded")
      for verb in ["GET", "HEAD", "DELETE"] {
        let answer = try await http.request(verb, "/" + path)
        #expect(answer.status == 405)
        #expect(answer.header("Allow") == "POST, OPTIONS")
      }
      let form = try await http.request(
        "POST", "/" + path, headers: [("Content-Type", "application/x-www-form-urlencoded")],
        body: "{}")
      #expect(form.status == 415)
      #expect(form.header("Accept-Post") == "application/json, application/proto")
      let unknownMethod = try await http.connect("sugang.pay.v1.PayService/Steal", "{}")
      #expect(unknownMethod.status == 501)
      #expect(unknownMethod.json["code"] == "unimplemented")
      #expect(try await http.connect("sugang.pay.v1.Unknown/GetPayment", "{}").status == 404)

      // As large as the limit, and larger.
      let full = "{" + String(repeating: " ", count: 64 * 1024 - 2) + "}"
      #expect(try await http.connect("sugang.pay.v1.PayService/ListPayments", full).status == 200)
      let tooLarge = try await http.connect("sugang.pay.v1.PayService/ListPayments", full + " ")
      #expect(tooLarge.status == 429)
      #expect(tooLarge.header("Content-Type") == "application/json")
      #expect(tooLarge.json["code"] == "resource_exhausted")
    }
  }

  // MARK: what is not offered

  @Test("T23–T25: commands among services, events and the desks of operators are not to be had")
  func withheld() async throws {
    let services = AllServices.descriptors.filter {
      ConnectAdaptor.withheldServices.contains($0.name)
    }
    #expect(services.count == ConnectAdaptor.withheldServices.count)
    try await withGateway { http async throws in
      for method in ConnectAdaptor.withheldMethods {
        let answer = try await http.connect(method, "{}")
        #expect(answer.status == 501)
        #expect(answer.json["code"] == "unimplemented")
      }
      for method in services.flatMap(\.methods) {
        #expect(try await http.connect(method.fullName, "{}").status == 404)
      }
    }
  }

  @Test("every method of every service is either offered or withheld by name")
  func decided() {
    let adaptor = Self.adaptorWithoutServices
    let offered = adaptor.services.flatMap { service in
      service.methodNames.map { "\(service.name)/\($0)" }
    }
    let withheld = AllServices.descriptors
      .filter { ConnectAdaptor.withheldServices.contains($0.name) }
      .flatMap { $0.methods.filter { $0.kind == .unary }.map(\.fullName) }
    let all = (AllServices.descriptors + [FramedrpcV1.HealthService.descriptor])
      .flatMap(\.methods).filter { $0.kind == .unary }.map(\.fullName)
    #expect((offered + withheld + ConnectAdaptor.withheldMethods).sorted() == all.sorted())
    #expect(ConnectAdaptor.withheldMethods.count == 5)
  }

  @Test("a service that is away says when to come again")
  func away() async throws {
    for service in Self.adaptorWithoutServices.services {
      let answer = await service.answer(
        ConnectRequest(
          method: try #require(service.methodNames.first),
          headers: [("content-type", "application/proto")], body: [], requestID: "1"))
      #expect(answer.status == 503)
      let error = try JSONValue(parsing: String(decoding: answer.body, as: UTF8.self))
      #expect(error["code"] == "unavailable")
      #expect(error["details"]?[0]?["type"] == "google.rpc.RetryInfo")
    }
  }

  private static var adaptorWithoutServices: ConnectAdaptor {
    let silent = SilentChannel()
    return ConnectAdaptor(
      Gateway.Backends(
        course: silent, enrollment: silent, pay: silent, point: silent, gift: silent,
        alert: silent, mypage: silent, health: silent))
  }
}

/// Nobody is called here.
private struct SilentChannel: RPCChannel {
  func call(_ call: RPCCall) async throws -> ByteBuffer {
    throw RPCError(.unavailable, "nobody is here")
  }

  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    throw RPCError(.unavailable, "nobody is here")
  }
}

extension HTTPClient {
  fileprivate func connect(
    _ method: String, _ json: String, _ headers: [(String, String)] = []
  ) async throws -> HTTPResponse {
    try await self.request("POST", "/" + method, headers: headers, body: json)
  }
}

private func withGateway(_ body: (HTTPClient) async throws -> Void) async throws {
  let folder = try TemporaryFolder()
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  let system = try await InProcessSystem.start(
    settings: ServiceSettings(dataFolder: folder.path), logger: logger)
  let http = HTTPClient(
    port: try #require(system.restPorts[.gateway]), deadline: .seconds(60))
  try await body(http)
  http.close()
  try await system.stop()
}
