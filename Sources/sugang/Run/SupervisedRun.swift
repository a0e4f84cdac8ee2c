import Contracts
import FramedRPC
import Logging
import NIOPosix
import SugangServices
import Supervisor
import UnixSignals

/// One process per service, until a signal ends them all.
struct SupervisedRun {
  let settings: RunSettings
  let folder: DataFolder
  let logger: Logger
  let hasBackgroundFollowers: Bool

  func run(_ readiness: Readiness) async throws {
    let supervisor = self.supervisor()
    let server = try RPCServer(
      services: [
        SupervisorV1.SupervisorService.register(SupervisorRPCAdaptor(supervisor: supervisor))
      ], group: MultiThreadedEventLoopGroup.singleton)
    let socket = try self.socketPath()
    do {
      try await server.listen(on: .unix(path: socket))
    } catch {
      throw CommandFailure(error.message)
    }
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let becameReady = await withTaskGroup(of: Bool?.self) { group in
      group.addTask {
        await supervisor.run()
        return nil
      }
      group.addTask {
        for await _ in signals {
          Console.note("stopping; once more ends it at once")
          supervisor.drain()
        }
        return nil
      }
      group.addTask {
        let isReady = await readiness.announced()
        guard !isReady, !Task.isCancelled else { return nil }
        supervisor.drain()
        return false
      }
      var becameReady = true
      // The signals never end: leave when the supervisor has.
      while !supervisor.hasFinished, let outcome = await group.next() {
        becameReady = becameReady && outcome ?? true
      }
      group.cancelAll()
      return becameReady
    }
    await server.shutdown(grace: .seconds(1))
    guard becameReady else { throw readiness.failure() }
  }

  private func socketPath() throws(CommandFailure) -> String {
    do throws(DataFolder.Unusable) {
      return try DataFolder.socketPath(in: self.folder.path)
    } catch {
      throw CommandFailure(error.description)
    }
  }

  private func supervisor() -> Supervisor {
    let width = ServiceName.allCases.map(\.rawValue.count).max() ?? 0
    return Supervisor(
      programs: ServiceName.allCases.map { service in
        Supervisor.Program(
          name: service.rawValue,
          arguments: ["serve", service.rawValue, "--until-stdin-closes"] + self.settings.asFlags,
          isDrainedFirst: service == .gateway,
          isInBackground: self.hasBackgroundFollowers && service.isFollower)
      },
      executable: ChildProcess.ownExecutable(), logger: self.logger
    ) { name, stream, line in
      let blanks = String(repeating: " ", count: width - name.count)
      switch stream {
      case .output: Console.print("\(name)\(blanks) | \(line)")
      case .errors: Console.note("\(name)\(blanks) | \(line)")
      }
    }
  }
}

extension ServiceName {
  /// Works off what others have done, and keeps no student waiting for an answer to a command: when
  /// the processors are all busy, it catches up afterwards, with more events to a commit.
  fileprivate var isFollower: Bool {
    switch self {
    case .point, .gift, .alert, .mypage: true
    case .gateway, .class, .course, .pay: false
    }
  }
}
