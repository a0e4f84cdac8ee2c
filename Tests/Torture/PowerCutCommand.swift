import ArgumentParser
import Foundation
import HTTPClientKit
import JSON
import SystemHarness

/// The disk is cut off while students enroll; what was acknowledged must be there afterwards.
struct PowerCutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "power-cut",
    abstract: "Cut the disk off under load, again and again.",
    discussion: """
      The data lies on an ext4 file system of its own in a loop device. A cut is the ioctl \
      FS_IOC_SHUTDOWN without a flush of the journal: all that was not on disk is gone, as when the \
      plug is pulled. Needs root and loop devices; where they are missing it says SKIPPED.
      """)

  @Option(help: "How many cuts.")
  var cuts = 5

  @Option(help: "How many clients.")
  var clients = 32

  func run() async throws {
    guard geteuid() == 0, FileManager.default.fileExists(atPath: "/dev/loop-control") else {
      print("SKIPPED: a power cut needs root and loop devices; nothing was tested")
      return
    }
    let disk: LoopDisk
    do {
      disk = try await LoopDisk.make()
    } catch {
      print("SKIPPED: no file system on a loop device here; nothing was tested: \(error)")
      return
    }
    var verdict = Verdict()
    do {
      try await self.cut(disk, &verdict)
    } catch {
      try? await disk.remove()
      throw error
    }
    try await disk.remove()
    try verdict.finish()
  }

  private func cut(_ disk: LoopDisk, _ verdict: inout Verdict) async throws {
    var acknowledged: Set<String> = []
    for cut in 1...self.cuts {
      let system = try await RunningSugang.start(data: disk.path + "/data")
      let course = try await system.registerCourse()
      let clients = EnrollmentClients(port: system.http.port, course: course, pause: .zero)
      async let load: Void = clients.run(clients: self.clients)
      try await Task.sleep(for: .milliseconds(Int.random(in: 500...2_500)))
      try disk.shutDown()
      let cutOff = ContinuousClock.now
      try await system.killEverything()
      clients.stop()
      await load
      // An answer that was under way at the cut may have been given before it; one that came is a
      // promise, whenever it came.
      let promised = clients.answers().filter { $0.status == 201 }.map { "\(course)/\($0.student)" }
      acknowledged.formUnion(promised)
      try await disk.mountAgain()
      print(
        "cut \(cut): \(promised.count) enrollments acknowledged, mounted again after "
          + milliseconds(ContinuousClock.now - cutOff))
      try await self.check(disk, acknowledged, &verdict)
    }
  }

  private func check(
    _ disk: LoopDisk, _ acknowledged: Set<String>, _ verdict: inout Verdict
  ) async throws {
    let system = try await RunningSugang.start(data: disk.path + "/data")
    let stored = Set(
      try await system.all("classes").compactMap { item in
        item["courseId"]?.int64.flatMap { course in
          item["student"]?.string.map { "\(course)/\($0)" }
        }
      })
    let lost = acknowledged.subtracting(stored)
    verdict.expect(lost.isEmpty, "all \(acknowledged.count) acknowledged so far are there")
    for student in lost.sorted().prefix(5) { print("       lost: \(student)") }
    var problems: [String] = []
    do {
      try await eventually("the books balance", within: .seconds(60)) {
        problems = try await BooksBalance(of: system).problems()
        return problems.isEmpty
      }
      verdict.expect(true, "the books balance")
    } catch {
      for problem in problems.prefix(5) { print("       \(problem)") }
      verdict.expect(false, "the books balance: \(error)")
    }
    try await system.stop()
  }
}

/// A file system on a loop device, mounted on a folder of its own.
private struct LoopDisk {
  let path: String
  private let image: String
  private let device: String

  private static let megabytes = 768
  /// `_IOR('X', 125, __u32)`; 2 is EXT4_GOING_FLAGS_NOLOGFLUSH (Linux, fs/ext4/ext4.h).
  private static let shutdownRequest: UInt = 0x8004_587D
  private static let withoutFlush: UInt32 = 2

  static func make() async throws -> LoopDisk {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "power-cut-\(UUID().uuidString)")
    let path = folder.path + "/disk"
    let image = folder.path + "/image"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try await Command.run("truncate", ["-s", "\(Self.megabytes)M", image])
    try await Command.run("mkfs.ext4", ["-q", "-F", image])
    let device = try await Command.run("losetup", ["--find", "--show", image])
      .trimmingCharacters(in: .whitespacesAndNewlines)
    do {
      try await Command.run("mount", [device, path])
    } catch {
      _ = try? await Command.run("losetup", ["--detach", device])
      throw error
    }
    return LoopDisk(path: path, image: image, device: device)
  }

  func shutDown() throws {
    let descriptor = unsafe open(self.path, O_RDONLY)
    guard descriptor >= 0 else { throw SystemTestFailure("cannot open \(self.path)") }
    defer { close(descriptor) }
    var flags = Self.withoutFlush
    guard unsafe ioctl(descriptor, Self.shutdownRequest, &flags) == 0 else {
      throw SystemTestFailure("FS_IOC_SHUTDOWN: errno \(errno)")
    }
  }

  /// The kernel replays the journal. Its device is gone from no cache: only what was written counts.
  func mountAgain() async throws {
    try await eventually("the disk is unmounted") {
      (try? await Command.run("umount", [self.path])) != nil
    }
    try await Command.run("mount", [self.device, self.path])
  }

  func remove() async throws {
    try await eventually("the disk is unmounted") {
      (try? await Command.run("umount", [self.path])) != nil
    }
    try await Command.run("losetup", ["--detach", self.device])
    try FileManager.default.removeItem(atPath: (self.image as NSString).deletingLastPathComponent)
  }
}
