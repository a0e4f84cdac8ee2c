import FramedRPC
import NIOPosix
import SugangServices

/// What a shell completes: services of this machine by name, methods by asking the server.
enum Completion {
  /// A shell that waits longer feels broken.
  private static let timeout = Duration.milliseconds(300)

  static let addresses = ServiceName.allCases.map(\.rawValue)

  @Sendable static func services(
    _ words: [String], _ index: Int, _ prefix: String
  ) async -> [String] {
    await self.catalog(words).map { $0.services.map(\.name) } ?? []
  }

  /// With the service's last part, or whole where the user has begun so.
  @Sendable static func methods(
    _ words: [String], _ index: Int, _ prefix: String
  ) async -> [String] {
    await self.catalog(words).map { catalog in
      catalog.methods.map(prefix.contains(".") ? \.fullName : \.shortName)
    } ?? []
  }

  @Sendable static func symbols(
    _ words: [String], _ index: Int, _ prefix: String
  ) async -> [String] {
    guard let catalog = await self.catalog(words) else { return [] }
    let types = catalog.methods.flatMap { [$0.requestType, $0.responseType] }
    return catalog.services.map(\.name)
      + catalog.methods.map(prefix.contains(".") ? \.fullName : \.shortName) + Set(types).sorted()
  }

  /// bash makes three words of `host:port`.
  static func joined(_ words: [String]) -> [String] {
    words.reduce(into: []) { joined, word in
      if let last = joined.last, word == ":" || last.hasSuffix(":") {
        joined[joined.count - 1] = last + word
      } else {
        joined.append(word)
      }
    }
  }

  /// That of the first word which is an address; nil when nobody answers there in time.
  private static func catalog(_ words: [String]) async -> MethodCatalog? {
    let offset = words.firstIndex(of: "--port-offset").flatMap { index in
      words.indices.contains(index + 1) ? Int(words[index + 1]) : nil
    }
    // After `sugang rpc call`, which are no addresses.
    for word in self.joined(words).dropFirst(3) where !word.hasPrefix("-") {
      guard let address = try? ServerAddress.resolved(word, portOffset: offset) else { continue }
      let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
      defer { client.shutdown() }
      return try? await MethodCatalog.read(from: client, CallOptions(timeout: self.timeout))
    }
    return nil
  }
}
