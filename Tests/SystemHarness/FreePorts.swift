import Foundation

/// Finds a port offset at which all sixteen ports of a system are free.
package enum FreePorts {
  private static let ports = [8081, 8082, 8083, 8084, 8085, 8087, 8088, 8091]

  package static func offset() throws -> Int {
    for _ in 0..<200 {
      let offset = Int.random(in: 1_000...20_000)
      if Self.ports.allSatisfy({ Self.isFree($0 + offset) && Self.isFree($0 + 1_000 + offset) }) {
        return offset
      }
    }
    throw SystemTestFailure("no free ports")
  }

  private static func isFree(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = unsafe inet_addr("127.0.0.1")
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, length) == 0
      }
    }
  }
}
