import Contracts
import FramedRPC

/// Asks the services behind the gateway whether they are ready.
package struct BackendHealth: Sendable {
  /// How long one service may take to say so.
  package static let timeout = Duration.milliseconds(500)

  private let channels: [(name: String, channel: any RPCChannel)]

  package init(_ channels: [(name: String, channel: any RPCChannel)]) {
    self.channels = channels
  }

  /// All at once; empty when every service is ready.
  package func reasonsNotReady() async -> [String] {
    await withTaskGroup(of: [String].self) { group in
      for (name, channel) in self.channels {
        group.addTask { await Self.reasons(name, channel) }
      }
      return await group.reduce(into: []) { $0 += $1 }.sorted()
    }
  }

  private static func reasons(_ name: String, _ channel: any RPCChannel) async -> [String] {
    do {
      let answer = try await FramedrpcV1.HealthServiceClient(channel).check(
        FramedrpcV1.CheckRequest(), options: CallOptions(timeout: Self.timeout))
      guard answer.status != .serving else { return [] }
      return ["\(name): \(answer.reasons.joined(separator: ", "))"]
    } catch let error as RPCError {
      // Not the message, which names addresses: everybody may ask.
      return ["\(name) does not answer: \(error.status)"]
    } catch {
      return ["\(name) does not answer"]
    }
  }
}
