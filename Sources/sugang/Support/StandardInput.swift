import Foundation
import NIOCore
import NIOPosix

/// The pipe by which a supervisor holds its child.
enum StandardInput {
  /// Returns when whoever holds the other end of stdin has closed it, or has died.
  static func untilClosed() async throws {
    let channel: any Channel
    do {
      channel = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .takingOwnershipOfDescriptor(input: dup(STDIN_FILENO)).get()
    } catch {
      throw CommandFailure("stdin is not a pipe, so that nobody can close it: \(error)")
    }
    try await withTaskCancellationHandler {
      try await channel.closeFuture.get()
    } onCancel: {
      channel.close(promise: nil)
    }
  }
}
