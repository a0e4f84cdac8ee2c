import BenchKit
import CFramedRPC
import FramedRPC
import NIOCore

/// The generated decoder by itself, with the checks and budgets that foreign bytes get.
enum DecodeLoop {
  static let rounds = 5_000_000

  static func nanoseconds<Message: GeneratedMessage>(
    of type: Message.Type, _ bytes: ByteBuffer
  ) -> Double {
    bytes.withUnsafeReadableBytes { raw in
      withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 16) { block in
        let start = now()
        for _ in 0..<self.rounds {
          self.decode(type, raw.bindMemory(to: UInt8.self), block)
        }
        return Double(now() - start) / Double(self.rounds)
      }
    }
  }

  @inline(never)
  private static func decode<Message: GeneratedMessage>(
    _ type: Message.Type, _ bytes: UnsafeBufferPointer<UInt8>,
    _ block: UnsafeMutableRawBufferPointer
  ) {
    let limits = DecodeLimits.standard
    var arena = framed_rpc_arena()
    framed_rpc_arena_init(&arena, block.baseAddress, block.count, limits.memoryFloorBytes)
    defer { framed_rpc_arena_destroy(&arena) }
    let isMessage = withUnsafeMutablePointer(to: &arena) { arena in
      guard let memory = framed_rpc_arena_alloc(arena, MemoryLayout<Message.CStruct>.size) else {
        return false
      }
      var decoder = framed_rpc_decoder(
        arena: arena, elements_left: limits.maxElements, depth_left: limits.maxDepth - 1,
        fault: FRAMED_RPC_FAULT_NONE, field: nil)
      return Message.decode(
        &decoder, bytes.baseAddress, bytes.baseAddress.map { $0 + bytes.count },
        memory.bindMemory(to: Message.CStruct.self, capacity: 1))
    }
    guard isMessage else { fail("no request") }
  }
}
