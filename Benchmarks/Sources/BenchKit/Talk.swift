import Glibc

/// What contestants say to the runner, and hear from it.
public enum Talk {
  public static func port(_ port: Int) {
    self.write("port \(port)")
  }

  public static func ready() {
    self.write("{\"ready\":true}")
  }

  /// One line, without the buffer of `print`.
  static func write(_ line: String, to file: Int32 = STDOUT_FILENO) {
    var line = line + "\n"
    line.withUTF8 { _ = Glibc.write(file, $0.baseAddress, $0.count) }
  }

  /// Ends the process when the runner closes standard input.
  public static func exitAtEndOfInput() {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        var byte: UInt8 = 0
        while read(0, &byte, 1) > 0 {}
        _exit(0)
      }, nil)
  }

  /// Waits for the end that ``exitAtEndOfInput()`` brings.
  public static func forever() async throws -> Never {
    self.exitAtEndOfInput()
    while true {
      try await Task.sleep(for: .seconds(3600))
    }
  }
}
