import ArgumentParser

/// A time on the command line: `500ms`, `5s`, `2m`.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
  let duration: Duration
  let description: String

  static func seconds(_ seconds: Int) -> DurationArgument {
    DurationArgument(duration: .seconds(seconds), description: "\(seconds)s")
  }

  private init(duration: Duration, description: String) {
    self.duration = duration
    self.description = description
  }

  init?(argument: String) {
    let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60)]
    guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }),
      let number = Double(argument.dropLast(unit.suffix.count)), number.isFinite, number > 0,
      number < 1_000_000
    else { return nil }
    self.init(duration: .seconds(number * unit.seconds), description: argument)
  }

  var defaultValueDescription: String { self.description }
}

extension Duration {
  var inSeconds: Double { self / .seconds(1) }
}
