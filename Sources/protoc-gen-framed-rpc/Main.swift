import Foundation
import FramedRPCCodeGen

/// `protoc --framed-rpc_out=DIR`: reads protoc's request, writes the Swift files' answer.
@main
struct Main {
  static func main() throws {
    let request = try FileHandle.standardInput.readToEnd() ?? Data()
    let response = Generator.run(Array(request))
    try FileHandle.standardOutput.write(contentsOf: Data(response))
  }
}
