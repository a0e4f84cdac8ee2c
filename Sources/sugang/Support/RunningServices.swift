import ArgumentParser
import FramedRPC
import SugangServices

/// Reaches the RPC ports of running services, with a limit on the time of an answer.
struct RunningServices: ParsableArguments {
  @Option(
    help: ArgumentHelp("How long to wait for an answer, such as 500ms or 5s.", valueName: "time"))
  var timeout = DurationArgument.seconds(20)

  @OptionGroup var doors: ServiceDoors

  var options: CallOptions { CallOptions(timeout: self.timeout.duration) }

  /// - Throws: ``CommandFailure`` that says what to do.
  func call<Answer>(
    _ service: ServiceName, _ body: (any RPCChannel) async throws -> Answer
  ) async throws -> Answer {
    try await self.doors.call(service, body)
  }
}
