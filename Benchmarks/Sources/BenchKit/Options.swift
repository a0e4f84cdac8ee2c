import Glibc

/// What the runner asks of a contestant; `Benchmarks/README.md` says what the options mean.
public struct Options: Sendable {
  public var isServer = false
  public var mode = "unary"
  public var port = 0
  public var inFlight = 1
  public var bytes = 64
  public var seconds = 2.0
  public var warmup = 0.5
  public var rate = 1000.0
  public var slowPercent = 0
  public var slowMs: Int32 = 10
  /// Stop after so many calls; 0 means when time is up.
  public var calls = 0
  public var connections = 1000
  /// Handlers and callers on Swift's shared pool of threads rather than on the event loop.
  public var pool = false
  /// Callers and handlers are tasks on the event loop, where a contestant could do without.
  public var tasks = false

  public init(_ arguments: [String] = CommandLine.arguments) {
    guard arguments.count > 1 else { fail("server or client?") }
    self.isServer = arguments[1] == "server"
    for index in stride(from: 2, to: arguments.count, by: 2) {
      guard index + 1 < arguments.count else { fail("\(arguments[index]) needs a value") }
      self.set(arguments[index], arguments[index + 1])
    }
  }

  private mutating func set(_ name: String, _ value: String) {
    func number<Number: LosslessStringConvertible>() -> Number {
      guard let number = Number(value) else { fail("\(name) takes a number, not \(value)") }
      return number
    }
    switch name {
    case "--mode": self.mode = value
    case "--port": self.port = number()
    case "--in-flight": self.inFlight = number()
    case "--bytes": self.bytes = number()
    case "--seconds": self.seconds = number()
    case "--warmup": self.warmup = number()
    case "--rate": self.rate = number()
    case "--slow-percent": self.slowPercent = number()
    case "--slow-ms": self.slowMs = number()
    case "--calls": self.calls = number()
    case "--connections": self.connections = number()
    case "--pool": self.pool = value == "1"
    case "--tasks": self.tasks = value == "1"
    default: fail("unknown option \(name)")
    }
  }

  /// Messages of one server stream: enough that opening it costs nothing beside them.
  public var streamMessages: Int {
    min(max(64 * 1024 * 1024 / self.bytes, 1), 20_000)
  }
}

public func fail(_ text: String) -> Never {
  Talk.write(text, to: STDERR_FILENO)
  exit(2)
}
