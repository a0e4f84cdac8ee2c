import Glibc
import NIOCore
import NIOPosix

/// Endpoints listed in a file, which is read again when it has changed.
///
/// One address a line, as ``RPCAddress`` reads it; `#` begins a comment. A file that cannot be read,
/// has a line that is no address, or has no address at all (it is just being written) is reported,
/// and the endpoints of the last good one stay. Whoever writes it had better write another file and
/// rename it.
public final class FileResolver: RPCResolver {
  /// How often it is looked whether the file has changed.
  public static let standardPollInterval = Duration.seconds(1)
  /// A larger file is not read, in bytes.
  public static let maxFileBytes = 1024 * 1024

  /// What tells one state of a file from another without reading it.
  private struct Version: Hashable {
    let device: UInt64
    let inode: UInt64
    let bytes: Int64
    /// Nanoseconds since 1970: of the content, and of anything about the file.
    let modified: Int64
    let changed: Int64
  }

  private let path: String
  private let pacer: ResolverPacer

  public convenience init(
    path: String, pollInterval: Duration = FileResolver.standardPollInterval
  ) {
    self.init(path: path, pollInterval: pollInterval, clock: .system)
  }

  package init(path: String, pollInterval: Duration, clock: ClientClock) {
    self.path = path
    let interval = TimeAmount(pollInterval)
    self.pacer = ResolverPacer(clock: clock, interval: interval, minInterval: interval)
  }

  public var knownEndpoints: [RPCAddress]? { nil }

  public func run(_ update: @escaping @Sendable (ResolverUpdate) -> Void) async {
    do {
      var version: Version?
      var last: ResolverUpdate?
      while true {
        let (found, foundVersion) = await self.look(known: version)
        try Task.checkCancellation()
        version = foundVersion
        if let found, found != last {
          update(found)
          last = found
        }
        try await self.pacer.pause()
      }
    } catch {
      // Nobody wants to know any more.
    }
  }

  /// A file does not change because a connection was lost.
  public func refresh() {}

  /// - Returns: nil when the file is the one that is known.
  private func look(known: Version?) async -> (ResolverUpdate?, Version?) {
    do {
      return try await NIOThreadPool.singleton.runIfActive {
        let version = try Self.version(of: self.path)
        guard version != known else { return (nil, version) }
        return (.endpoints(try Self.read(self.path)), version)
      }
    } catch {
      // Read again next time, whatever it looks like then.
      return (.failure("\(self.path): \(error)"), nil)
    }
  }

  private static func version(of path: String) throws(EndpointFileError) -> Version {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw EndpointFileError(text: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw EndpointFileError(text: "it is no regular file")
    }
    guard status.st_size <= Self.maxFileBytes else {
      throw EndpointFileError(
        text: "\(status.st_size) bytes are more than \(Self.maxFileBytes)")
    }
    let modified = status.st_mtim
    let changed = status.st_ctim
    return Version(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), bytes: Int64(status.st_size),
      modified: Int64(modified.tv_sec) * 1_000_000_000 + Int64(modified.tv_nsec),
      changed: Int64(changed.tv_sec) * 1_000_000_000 + Int64(changed.tv_nsec))
  }

  private static func read(_ path: String) throws(EndpointFileError) -> [RPCAddress] {
    guard let file = fopen(path, "re") else {
      throw EndpointFileError(text: String(cString: strerror(errno)))
    }
    defer { fclose(file) }
    // One more than allowed shows a file that has grown since.
    var bytes = [UInt8](repeating: 0, count: Self.maxFileBytes + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    guard ferror(file) == 0, count <= Self.maxFileBytes else {
      throw EndpointFileError(text: "it cannot be read, or is over \(Self.maxFileBytes) bytes")
    }
    return try Self.parse(String(decoding: bytes[..<count], as: UTF8.self))
  }

  package static func parse(_ text: String) throws(EndpointFileError) -> [RPCAddress] {
    var addresses: [RPCAddress] = []
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let entry = RPCTarget.trimmed(line.prefix { $0 != "#" })
      guard !entry.isEmpty else { continue }
      guard let address = RPCAddress(entry) else {
        throw EndpointFileError(text: "line \(index + 1): '\(entry)' is no address")
      }
      addresses.append(address)
    }
    guard !addresses.isEmpty else { throw EndpointFileError(text: "it lists no address") }
    return addresses
  }
}

/// What is wrong with a file of endpoints.
package struct EndpointFileError: Error, CustomStringConvertible {
  let text: String

  package var description: String { self.text }
}
