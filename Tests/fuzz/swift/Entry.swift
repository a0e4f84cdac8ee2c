import CFuzzSupport
import NIOCore

/// One program has every target, as building it is what costs: FRAMED_RPC_FUZZ_TARGET names the one
/// to run (scripts/fuzz). The arguments are libFuzzer's.
@main
struct Fuzz {
  private static let target: @Sendable (Input) -> Void = {
    let name = String(cString: fuzz_target())
    switch name {
    case "frames": return fuzzFrames
    case "handshake": return fuzzHandshake
    case "metadata": return fuzzMetadata
    case "server": return fuzzServer
    case "messages": return fuzzMessages
    case "json": return fuzzJSON
    case "reflection": return fuzzReflection
    default: fatalError("FRAMED_RPC_FUZZ_TARGET is '\(name)', which is no target")
    }
  }()

  static func main() {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    _ = LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
      Fuzz.target(Input(Array(UnsafeBufferPointer(start: bytes, count: count))))
      return 0
    }
  }
}

/// The fuzzer's bytes: some choose what is done with the others.
struct Input {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    self.rest = bytes[...]
  }

  /// The next byte, 0 when there is none.
  mutating func choice() -> Int { Int(self.rest.popFirst() ?? 0) }

  var array: [UInt8] { Array(self.rest) }
  var buffer: ByteBuffer { ByteBuffer(bytes: self.rest) }
}

/// A finding: libFuzzer keeps the input and stops.
func require(_ holds: Bool, _ what: @autoclosure () -> String) {
  guard !holds else { return }
  fatalError("FINDING: \(what())")
}

/// Runs what reads `bytes` bytes of a peer, which may hold eight times as much heap at once.
///
/// - Parameter floor: what it may hold whatever came, in bytes.
func boundedHeap(bytes: Int, floor: Int, _ body: () -> Void) {
  fuzz_heap_begin()
  body()
  let peak = Int(fuzz_heap_peak())
  require(peak <= 8 * bytes + floor, "\(bytes) bytes held \(peak) bytes of heap")
}
