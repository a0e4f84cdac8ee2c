import Contracts
import FramedRPC
import FramedRPCConnect
import FramedRPCJSON
import JSON
import NIOCore
import Testing

@Suite("Connect: unexpected requests")
struct UnexpectedRequestTests {
  private let channel = ScriptedChannel()
  private var service: ConnectService { ConnectService(self.channel) }

  @Test("unimplemented: a method that the service does not have, and one that is withheld")
  func unimplemented() async throws {
    let service = ConnectService(
      FramedrpcV1.TestService.descriptor, channel: self.channel,
      withheld: [FramedrpcV1.TestService.reflect.fullName])
    #expect(service.methodNames == ["Echo"])
    for method in ["Nothing", "Reflect", "", "echo"] {
      let answer = await service.post(method)
      #expect(answer.status == 501)
      #expect(try answer.code == "unimplemented")
    }
    #expect(self.channel.seen.isEmpty)
  }

  @Test(
    "unexpected-content-type and unexpected-codec: 415, also for streams and other alphabets",
    arguments: [
      nil, "", "image/jpeg", "application/foo", "application/connect+json",
      "application/connect+proto", "application/grpc", "application/x-www-form-urlencoded",
      "application/json; charset=latin1", "application/jsonx",
    ])
  func contentType(type: String?) async throws {
    let answer = await self.service.post(body: Array("{}".utf8), as: type)
    #expect(answer.status == 415)
    #expect(try answer.code == "unknown")
    #expect(answer.values(of: "Accept-Post") == ["application/json, application/proto"])
    #expect(self.channel.seen.isEmpty)
  }

  @Test(
    "parameters and capitals are no other content type",
    arguments: [
      "application/json; charset=utf-8", "application/json;charset=\"UTF-8\"",
      "Application/JSON", "application/json ; foo=bar",
    ])
  func parameters(type: String) async throws {
    let answer = await self.service.post(body: Array("{}".utf8), as: type)
    #expect(answer.status == 200)
    #expect(answer.contentType == "application/json")
  }

  @Test("another version of the protocol is refused, none is taken for 1")
  func version() async throws {
    #expect(await self.service.post("Echo", [("connect-protocol-version", "1")]).status == 200)
    let answer = await self.service.post("Echo", [("connect-protocol-version", "2")])
    #expect(answer.status == 400)
    #expect(try answer.code == "invalid_argument")
  }

  // MARK: compression

  private static let hello = Base64.decode("H4sIAAAAAAAA/6tWKkmtKFGyUspIzcnJV6oFADyq3IkQAAAA") ?? []

  @Test("unexpected-compression: unimplemented, with what is known here")
  func compression() async throws {
    let answer = await self.service.post("Echo", [("content-encoding", "zstd")])
    #expect(answer.status == 501)
    #expect(try answer.code == "unimplemented")
    #expect(try answer.message?.contains("gzip, identity") == true)
    #expect(answer.values(of: "Accept-Encoding") == ["gzip, identity"])
    #expect(self.channel.seen.isEmpty)
  }

  @Test("gzip is read, identity is nothing, and no bytes are not compressed")
  func gzip() async throws {
    try await withTestService { service async throws in
      let answer = await service.post(
        "Echo", [("content-encoding", "gzip")], body: Self.hello, as: "application/json")
      #expect(try answer.json["text"] == "hello")
      #expect(await service.post("Echo", [("content-encoding", "identity")]).status == 200)
      #expect(await service.post("Echo", [("content-encoding", "gzip")], body: []).status == 200)
    }
  }

  @Test("what says gzip and is not, and what is too large once it is read")
  func badGzip() async throws {
    let broken = await self.service.post("Echo", [("content-encoding", "gzip")], json: "{}")
    #expect(try broken.code == "invalid_argument")
    var options = ConnectService.Options()
    options.maxMessageBytes = 15
    let large = await ConnectService(self.channel, options: options).post(
      "Echo", [("content-encoding", "gzip")], body: Self.hello, as: "application/json")
    #expect(large.status == 429)
    #expect(try large.code == "resource_exhausted")
    #expect(self.channel.seen.isEmpty)
  }

  @Test("request-exceeds-server-limit, as the HTTP server finds it")
  func tooLarge() throws {
    let answer = ConnectService.bodyTooLarge("a body may have 10 bytes")
    #expect(answer.status == 429)
    #expect(try answer.code == "resource_exhausted")
    #expect(try answer.message == "a body may have 10 bytes")
  }
}
