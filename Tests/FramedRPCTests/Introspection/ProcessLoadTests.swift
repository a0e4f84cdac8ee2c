import NIOCore
import Synchronization
import Testing

@testable import FramedRPC

@Suite("Load as it is measured and read")
struct ProcessLoadTests {
  private struct Machine {
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var cpuTime: Int64 = 5_000_000_000
    var memory: Double? = 0.5
    var looks = 0
  }

  @Test("CPU is the share of the last interval, and nobody measures more often")
  func cpu() {
    let machine = Mutex(Machine())
    let load = ProcessLoad(
      interval: .seconds(1), processors: 4, now: { machine.withLock { $0.now } },
      usage: {
        machine.withLock {
          $0.looks += 1
          return ProcessLoad.Usage(cpuTime: $0.cpuTime, memoryUtilization: $0.memory)
        }
      })
    func advance(_ time: TimeAmount, cpu: TimeAmount) {
      machine.withLock {
        $0.now = $0.now + time
        $0.cpuTime += cpu.nanoseconds
      }
    }
    #expect(load.report() == LoadReport(memoryUtilization: 0.5))
    advance(.milliseconds(500), cpu: .milliseconds(500))
    #expect(load.report() == LoadReport(memoryUtilization: 0.5))
    #expect(machine.withLock { $0.looks } == 1)
    advance(.milliseconds(1_500), cpu: .milliseconds(3_500))
    #expect(load.report() == LoadReport(cpuUtilization: 0.5, memoryUtilization: 0.5))
    advance(.milliseconds(999), cpu: .zero)
    machine.withLock { $0.memory = nil }
    #expect(load.report() == LoadReport(cpuUtilization: 0.5, memoryUtilization: 0.5))
    #expect(machine.withLock { $0.looks } == 2)
    advance(.milliseconds(1), cpu: .seconds(1))
    #expect(load.report() == LoadReport(cpuUtilization: 0.25))
  }

  @Test("this process has used some of the machine, and not more than there is")
  func usage() {
    let usage = ProcessLoad.currentUsage()
    #expect(usage.cpuTime > 0)
    #if os(Linux)
      #expect(usage.memoryUtilization.map { $0 > 0 && $0 < 1 } == true)
    #endif
  }

  @Test("reports that nobody can use are left out")
  func hostile() throws {
    #expect(LoadReport(RPCMetadata()) == nil)
    var metadata = RPCMetadata()
    try metadata.append("other", [1])
    try metadata.append(LoadReport.metadataKey, [0xFF, 0xFF])
    #expect(LoadReport(metadata) == nil)
    let wrong = FramedrpcV1.LoadReport(
      cpuUtilization: .nan, memoryUtilization: -0.1, applicationUtilization: .infinity,
      costs: [.init(name: "rows", value: .nan), .init(name: "rows", value: 2)],
      requestsPerSecond: -1, errorsPerSecond: .nan)
    try metadata.append(LoadReport.metadataKey, Array(wrong.encoded().readableBytesView))
    #expect(LoadReport(metadata) == LoadReport(costs: ["rows": 2]))
    let next = LoadReport(
      cpuUtilization: 0.5, requestsPerSecond: 8, errorsPerSecond: 0, costs: ["rows": 7, "bytes": 1]
    ).message
    try metadata.append(LoadReport.metadataKey, Array(next.encoded().readableBytesView))
    #expect(
      LoadReport(metadata)
        == LoadReport(
          cpuUtilization: 0.5, requestsPerSecond: 8, errorsPerSecond: 0,
          costs: ["rows": 2, "bytes": 1]))
  }

  @Test("a report that is too long for metadata is refused, and nothing of it sent")
  func tooLong() throws {
    let context = RPCContext(method: "a.B/C")
    let long = LoadReport(costs: [String(repeating: "x", count: RPCMetadata.maxValueBytes): 1])
    let error = #expect(throws: RPCError.self) { try context.attachLoad(long) }
    #expect(error?.status == .invalidArgument)
    #expect(context.call.takeTrailers().isEmpty)
  }
}
