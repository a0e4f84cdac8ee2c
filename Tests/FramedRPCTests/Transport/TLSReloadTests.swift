import Contracts
import Foundation
import FramedRPC
import FramedRPCTLS
import Testing

/// Certificates that change while a server runs.
@Suite("New certificates", .timeLimit(.minutes(2)))
struct TLSReloadTests {
  /// A folder with copies of `pay`'s files, to change.
  private struct Folder {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "framed-rpc-tls-\(UUID().uuidString)").path

    init() throws {
      try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
      try self.copy("ca.pem")
      try self.copy("pay.pem")
      try self.copy("pay.key")
    }

    var files: TLSFiles { TLSFiles(folder: self.path, name: "pay") }

    /// Replaces a file by one of the tests' certificates, as a whole.
    func copy(_ source: String, to name: String? = nil) throws {
      let url = URL(filePath: "\(Certificates.folder)/\(source)")
      try self.write(Data(contentsOf: url), to: name ?? url.lastPathComponent)
    }

    func write(_ data: Data, to name: String) throws {
      try data.write(to: URL(filePath: "\(self.path)/\(name)"), options: .atomic)
    }

    func remove() {
      try? FileManager.default.removeItem(atPath: self.path)
    }
  }

  /// Trusts a server by its very certificate, so that a test sees which one it shows.
  private static func trusting(_ certificate: String) throws -> TLSCredentials {
    var files = Certificates.files("course")
    files.roots = "\(Certificates.folder)/\(certificate)"
    return try TLSCredentials(files)
  }

  private static func channel(_ address: RPCAddress, _ credentials: TLSCredentials) -> RPCClient {
    RPCClient(
      address: address, group: Endpoint.group,
      security: TLSClient(credentials, serverName: "pay"))
  }

  private static func call(_ channel: RPCClient) async -> RPCError? {
    await rpcError {
      _ = try await FramedrpcV1.TestServiceClient(channel).echo(
        .init(), options: CallSuite.patient)
    }
  }

  @Test("new connections see the new certificate, old ones live on")
  func reload() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    // A server that is replaced keeps its name; the client here trusts one authority at a time.
    let credentials = try TLSCredentials(folder.files)
    let handler = TestHandler()
    let server = try RPCServer(
      services: [FramedrpcV1.TestService.register(handler, on: .eventLoop)],
      group: Endpoint.group, security: TLSServer(credentials, clients: .anyone))
    let address = try await server.listen(on: Transport.tls.freshAddress())
    let old = Self.channel(address, try Self.trusting("ca.pem"))
    async let held = FramedrpcV1.TestServiceClient(old).echo(
      .init(number: 1, delayMs: 1), options: CallSuite.patient)
    await handler.wait { $0.started == [1] }

    #expect(try !credentials.reloadIfChanged())
    try folder.copy("stranger/pay.pem")
    #expect(throws: TLSFileError.self) { try credentials.reloadIfChanged() }
    #expect(try !credentials.reloadIfChanged(), "what could not be used is not tried twice")
    let between = Self.channel(address, try Self.trusting("ca.pem"))
    #expect(await Self.call(between) == nil, "the old certificate is still shown")
    between.shutdown()

    try folder.copy("stranger/pay.key")
    #expect(try credentials.reloadIfChanged())
    let refused = Self.channel(address, try Self.trusting("ca.pem"))
    #expect(await Self.call(refused)?.status == .unavailable)
    refused.shutdown()
    let new = Self.channel(address, try Self.trusting("stranger/ca.pem"))
    #expect(await Self.call(new) == nil)
    new.shutdown()

    // The connection of before has lived through all of this.
    handler.release(1)
    let answer = try await held.number
    #expect(answer == 1)
    #expect(await Self.call(old) == nil)
    let peers = Set(handler.snapshot.contexts.map(\.peer.address))
    #expect(handler.snapshot.contexts.first?.peer == handler.snapshot.contexts.last?.peer)
    #expect(peers.count == 3)
    old.shutdown()
    await server.shutdown(grace: .zero)
  }

  @Test("a key and a certificate renewed under the same authority are taken up")
  func renewed() throws {
    let folder = try Folder()
    defer { folder.remove() }
    let credentials = try TLSCredentials(folder.files)
    try folder.copy("renewed/pay.pem")
    try folder.copy("renewed/pay.key")
    #expect(try credentials.reloadIfChanged())
    try credentials.reload()
    #expect(try !credentials.reloadIfChanged())
  }

  @Test("watching reports what cannot be used and what is in use")
  func watch() async throws {
    let folder = try Folder()
    defer { folder.remove() }
    let credentials = try TLSCredentials(folder.files)
    let (reports, told) = AsyncStream<TLSFileError?>.makeStream()
    let watching = Task {
      await credentials.watch(every: .milliseconds(1)) { told.yield($0) }
    }
    var next = reports.makeAsyncIterator()
    try folder.write(Data("no certificate".utf8), to: "pay.pem")
    let refusal = await next.next()
    #expect(refusal??.path == folder.files.certificate)
    try folder.copy("pay.pem")
    let success = await next.next()
    #expect(success == .some(nil))
    watching.cancel()
    await watching.value
  }

  @Test("files that cannot be used are named with the reason")
  func refused() throws {
    let folder = try Folder()
    defer { folder.remove() }
    func refusal() -> TLSFileError? {
      do throws(TLSFileError) {
        _ = try TLSCredentials(folder.files)
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal() == nil)
    try folder.copy("expired/pay.pem")
    try folder.copy("expired/pay.key")
    #expect(refusal()?.description == "\(folder.path)/pay.pem: the certificate has expired")
    try folder.copy("pay.pem")
    #expect(
      refusal()?.description == "\(folder.path)/pay.key: the key is not that of the certificate")
    try folder.write(Data("-----BEGIN".utf8), to: "pay.key")
    #expect(
      refusal()?.description == "\(folder.path)/pay.key: there is no private key in PEM in it")
    try folder.copy("pay.key", to: "ca.pem")
    #expect(refusal()?.description == "\(folder.path)/ca.pem: there is no certificate in PEM in it")
    try FileManager.default.removeItem(atPath: "\(folder.path)/ca.pem")
    #expect(refusal()?.path == "\(folder.path)/ca.pem")
    #expect(refusal()?.reason.hasPrefix("it cannot be read: ") == true)
  }
}
