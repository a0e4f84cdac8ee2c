import Foundation
import HTTPClientKit
import SystemHarness
import TestSupport
import Testing

@Suite("Mutual TLS between the services", .serialized)
struct TLSSystemTests {
  private static let script = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "scripts/make-certificates").path

  private static func makeCertificates(_ folder: String) async throws {
    let output = Pipe()
    let process = try SendableProcess(Self.script, [folder], output: output)
    try await eventually("the certificates are made") { !process.isRunning }
    let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    try #require(process.exitStatus == 0, "\(text)")
  }

  private static func list(
    _ system: RunningSugang, _ flags: [String] = [], certificates: String? = nil
  ) async throws -> (status: Int32, text: String) {
    var environment = ["SUGANG_PORT_OFFSET": "\(system.portOffset)"]
    environment["SUGANG_TLS_DIRECTORY"] = certificates
    return try await CommandLineTests.run(["rpc", "list", "pay"] + flags, environment)
  }

  @Test("a student enrolls, before and after the certificates are renewed")
  func story() async throws {
    let folder = try TemporaryFolder()
    let certificates = "\(folder.path)/certificates"
    try await Self.makeCertificates(certificates)
    let system = try await RunningSugang.start(flags: ["--tls-directory", certificates])
    let course = try await system.registerCourse()
    #expect(try await system.enroll("before", course: course).status == 201)

    #expect(try await Self.list(system, certificates: certificates).status == 0)
    let plaintext = try await Self.list(system)
    #expect(plaintext.status == 78)
    #expect(plaintext.text.contains("this port takes TLS, not plaintext"), "\(plaintext.text)")
    #expect(plaintext.text.contains("SUGANG_TLS_DIRECTORY"))
    let wrongName = try await Self.list(
      system, ["--tls-name", "course"], certificates: certificates)
    #expect(wrongName.status == 78)
    #expect(wrongName.text.contains("is for pay, spiffe://sugang/pay, not for course"))
    let asService = try await Self.list(
      system,
      [
        "--tls-ca", "\(certificates)/ca.pem", "--tls-cert", "\(certificates)/gift.pem",
        "--tls-key", "\(certificates)/gift.key",
      ])
    #expect(asService.status == 0, "\(asService.text)")
    let nobody = try await Self.list(system, ["--tls-ca", "\(certificates)/ca.pem"])
    #expect(nobody.text.contains("requires a certificate"), "\(nobody.text)")

    try await Self.makeCertificates(certificates)
    try await system.kill("pay")
    // Each time another student: one whose fee cannot be taken now is accepted for later.
    var number = 0
    try await eventually("somebody enrolls with the pay service of the new certificate") {
      number += 1
      return try await system.enroll("after-\(number)", course: course).status == 201
    }
    #expect(try await Self.list(system, certificates: certificates).status == 0)
    try await system.stop()
  }

  @Test("a folder without certificates is refused before anything starts")
  func noCertificates() async throws {
    let folder = try TemporaryFolder()
    let outcome = try await CommandLineTests.run([
      "up", "--data", folder.path, "--tls-directory", folder.path,
    ])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("\(folder.path)/ca.pem: it cannot be read"))
    #expect(outcome.text.contains("scripts/make-certificates"))
  }
}
