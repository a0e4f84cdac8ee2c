import ArgumentParser
import Contracts
import Foundation
import FramedRPC
import Logging
import NIOPosix
import SugangServices

/// `sugang mypage rebuild`: my page from events alone, beside the live one.
struct MyPageRebuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebuild",
    abstract: "Build my page again from all events, compare, and put right what differs.",
    discussion: """
      The running mypage service reads the events of all services from the first on
      into a second view beside its own, and compares the two row by row, byte for
      byte. What differs is replaced, all at once; students see my page meanwhile.
      Interrupted, nothing is changed; a second view that is left behind is thrown
      away.

      With --data the same is done to the data of a stopped system, from the event
      logs in that folder; no other process may have it open.

      The exit code is 0 when the two are equal, or are now; 1 when --check found
      differences, or no end was reached.

      Examples:
        sugang mypage rebuild --check
        sugang mypage rebuild --port-offset 100
        sugang mypage rebuild --data data          of a stopped system
      """)

  @Flag(help: "Only compare: change nothing.")
  var check = false

  @Option(
    help: ArgumentHelp("The data of a system that does not run.", valueName: "folder"))
  var data: String?

  @Option(help: "Added to the service's port (SUGANG_PORT_OFFSET; default: 0).")
  var portOffset: Int?

  @Option(help: "Where the service listens (SUGANG_HOST; default: 127.0.0.1).")
  var host: String?

  @OptionGroup var tls: TLSOptions

  func validate() throws {
    guard self.data == nil || self.portOffset == nil && self.host == nil else {
      throw ValidationError(
        "a folder is of a system that does not run: --data goes without --host and --port-offset")
    }
  }

  func run() async throws {
    if let data = self.data {
      try await self.rebuildStopped(data)
    } else {
      try await self.rebuildRunning()
    }
  }

  private func rebuildRunning() async throws {
    let address = try self.address()
    let client = RPCClient(
      address: address, group: MultiThreadedEventLoopGroup.singleton,
      security: try self.tls.security(to: address, of: .mypage))
    defer { client.shutdown() }
    var end: MypageV1.RebuildProgress?
    do {
      let service = MypageV1.MyPageRebuildServiceClient(try client.withToken())
      let answers = try await service.rebuild(
        .init(checkOnly: self.check), options: CallOptions(timeout: nil))
      for try await progress in answers {
        if progress.phase == "DONE" { end = progress } else { Console.note(Self.line(progress)) }
      }
    } catch let error as RPCError {
      throw Self.failure(error, address)
    }
    guard let end else { throw CommandFailure("mypage ended the rebuild without a result") }
    try Self.conclude(end)
  }

  /// - Throws: ``CommandFailure``, also for the folder of a running system.
  private func rebuildStopped(_ folder: String) async throws {
    // What is only compared is not even opened for writing.
    let stopped = try StoppedData(folder, leaving: self.check ? [] : [.mypage])
    guard !stopped.isBackup else {
      throw CommandFailure(
        """
        '\(folder)' is a backup, which stays as it is
          'sugang restore' makes a data folder of it
        """)
    }
    let path = StoppedData.path(folder, .mypage)
    guard FileManager.default.fileExists(atPath: path) else {
      throw CommandFailure(
        "'\(folder)' has no my page; the service makes one from the events when it starts")
    }
    let page = StoppedMyPage(
      folder, databases: stopped.databases,
      logger: Logger(label: "sugang") { _ in SwiftLogNoOpLogHandler() })
    let (answers, answer) = AsyncThrowingStream<MypageV1.RebuildProgress, any Error>.makeStream()
    var end: MypageV1.RebuildProgress?
    async let work: Void = {
      do {
        try await page.rebuild(checkOnly: self.check) { answer.yield($0) }
        answer.finish()
      } catch {
        answer.finish(throwing: error)
      }
    }()
    do {
      for try await progress in answers {
        if progress.phase == "DONE" { end = progress } else { Console.note(Self.line(progress)) }
      }
    } catch let error as RPCError {
      throw CommandFailure("mypage: \(error.message)")
    } catch {
      throw StoppedData.refusal(error)
    }
    await work
    guard let end else { throw CommandFailure("the rebuild ended without a result") }
    try Self.conclude(end)
  }

  private func address() throws(CommandFailure) -> RPCAddress {
    let given = self.portOffset.map { "\($0)" } ?? Environment["SUGANG_PORT_OFFSET"] ?? "0"
    guard let offset = Int(given), (0...50_000).contains(offset) else {
      throw CommandFailure("the port offset is from 0 to 50000, not \(given)")
    }
    let host = self.host ?? Environment["SUGANG_HOST"] ?? ""
    return .tcp(
      host: ["0.0.0.0", "::", ""].contains(host) ? "127.0.0.1" : host,
      port: ServiceName.mypage.rpcPort + offset)
  }

  /// `taking events: class 512/2000, …`
  private static func line(_ progress: MypageV1.RebuildProgress) -> String {
    let sources = progress.sources.map { "\($0.source) \($0.taken)/\($0.total)" }
      .joined(separator: ", ")
    return switch progress.phase {
    case "TAKING": "taking events: \(sources)"
    case "COMPARING":
      "comparing: \(progress.comparedRows) rows, \(progress.differentRows) differ"
    default: "repairing: \(progress.differentRows) rows"
    }
  }

  private static func conclude(_ end: MypageV1.RebuildProgress) throws(CommandFailure) {
    let events = end.sources.reduce(0) { $0 + $1.taken }
    if !end.differences.isEmpty {
      var table = TextTable(("class", .right), ("row", .left), ("columns", .left))
      for one in end.differences {
        let columns = one.columns.isEmpty ? "-" : one.columns.joined(separator: ", ")
        table.add("\(one.id)", one.kind.lowercased(), columns)
      }
      Console.print(table.text)
      let more = end.differentRows - Int64(end.differences.count)
      if more > 0 { Console.print("and \(more) more") }
    }
    let made = "\(end.comparedRows) rows, from logs of \(events) events"
    guard end.differentRows > 0 else {
      Console.print("equal: \(made)")
      return
    }
    Console.print(
      "\(end.repaired ? "repaired" : "different"): \(end.differentRows) of \(made)")
    guard end.repaired else {
      throw CommandFailure(
        """
        my page is not what its events tell
          'sugang mypage rebuild' puts it right
        """)
    }
  }

  private static func failure(_ error: RPCError, _ address: RPCAddress) -> CommandFailure {
    switch error.status {
    case .unimplemented:
      CommandFailure("mypage at \(address) is of a version without this command")
    case .failedPrecondition, .aborted, .internal:
      CommandFailure("mypage: \(error.message)")
    case .unavailable where error.notProcessed:
      CommandFailure(
        """
        mypage does not answer at \(address)
          'sugang ps' shows what runs, 'sugang start mypage' starts it
        """)
    default: CommandFailure(rpc: error, from: address)
    }
  }
}
