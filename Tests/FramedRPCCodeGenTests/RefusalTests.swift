import FramedRPCCodeGen
import Testing

/// What protobuf-c or Swift could not carry is refused, with its place and the reason.
@Suite("Schemas that the generator refuses")
struct RefusalTests {
  private static func error(_ request: [UInt8]) -> String? {
    let answer = GeneratorAnswer(Generator.run(request))
    #expect(answer.files.isEmpty)
    return answer.error
  }

  private static func error(
    package: String = "framedrpc.sample.v1", _ contents: (inout Descriptors) -> Void
  ) -> String? {
    Self.error(Descriptors.request(package: package, contents))
  }

  @Test("proto2, with or without the word", arguments: ["proto2", nil])
  func proto2(_ syntax: String?) {
    let request = Descriptors.request(syntax: syntax) { $0.message("M") }
    #expect(Self.error(request) == "sample.proto: syntax: only proto3 is supported")
  }

  @Test("proto3 optional")
  func optional() {
    let error = Self.error {
      $0.message("M") {
        $0.field("f", 1, .int64, oneof: 0, isProto3Optional: true)
        $0.oneof("_f")
      }
    }
    #expect(
      error?.hasPrefix("sample.proto: field M.f: protoc-c 1.4.1 refuses proto3 optional") == true)
  }

  @Test("nested messages, nested enums and maps (which are nested messages)")
  func nested() {
    let expected =
      "sample.proto: message M: nested types and maps are not supported; declare them at the top"
    #expect(Self.error { $0.message("M") { $0.set(3) { $0.set(1, "FEntry") } } } == expected)
    #expect(Self.error { $0.message("M") { $0.set(4) { $0.set(1, "E") } } } == expected)
  }

  @Test("recursive messages, however long the way round")
  func recursion() {
    let direct = Self.error {
      $0.message("A") { $0.field("a", 1, .message, of: ".framedrpc.sample.v1.A", isRepeated: true) }
    }
    #expect(direct?.contains("recursive messages are refused") == true)
    let indirect = Self.error {
      $0.message("A") { $0.field("b", 1, .message, of: ".framedrpc.sample.v1.B") }
      $0.message("B") { $0.field("c", 1, .message, of: ".framedrpc.sample.v1.C") }
      $0.message("C") { $0.field("a", 1, .message, of: ".framedrpc.sample.v1.A") }
    }
    #expect(indirect?.contains("recursive messages are refused") == true)
    #expect(indirect?.contains("→") == true, "the way is shown")
  }

  @Test("a message that is used twice is not recursive")
  func diamond() {
    let request = Descriptors.request {
      $0.message("A") {
        $0.field("b", 1, .message, of: ".framedrpc.sample.v1.B")
        $0.field("c", 2, .message, of: ".framedrpc.sample.v1.B")
      }
      $0.message("B")
    }
    #expect(GeneratorAnswer(Generator.run(request)).error == nil)
  }

  @Test("a oneof with more than one member")
  func oneof() {
    let error = Self.error {
      $0.message("M") {
        $0.field("a", 1, .int64, oneof: 0)
        $0.field("b", 2, .int64, oneof: 0)
        $0.oneof("choice")
      }
    }
    #expect(
      error == "sample.proto: message M: oneof choice has more than one member; "
        + "only presence oneofs are supported")
  }

  @Test("groups")
  func group() {
    let error = Self.error { $0.message("M") { $0.field("g", 1, .group) } }
    #expect(error == "sample.proto: field M.g: this type of field is not supported")
  }

  @Test(
    "keywords of C, C++, Python and Swift as names of fields",
    arguments: [
      "register", "delete", "lambda", "protocol", "class", "self", "None", "bool", "decltype",
      "static_cast", "thread_local", "wchar_t", "co_await", "bitand", "xor_eq",
    ])
  func keywordFields(_ name: String) {
    let error = Self.error { $0.message("M") { $0.field(name, 1, .int64) } }
    #expect(
      error == "sample.proto: field M.\(name): '\(name)' is a keyword in C, C++, Python or Swift, "
        + "and breaks code there")
  }

  @Test("keywords as names of packages, messages, services, methods, oneofs and enums")
  func keywordsElsewhere() {
    let errors = [
      Self.error(package: "framedrpc.class.v1") { $0.message("M") },
      Self.error { $0.message("Union") },
      Self.error { $0.service("Default") { _ in } },
      Self.error {
        $0.service("S") { $0.method("Register", input: ".a.M", output: ".a.M") }
      },
      Self.error {
        $0.message("M") {
          $0.field("a", 1, .int64, oneof: 0)
          $0.oneof("switch")
        }
      },
      Self.error { $0.enumeration("Enum", ["ZERO"]) },
      Self.error { $0.enumeration("Color", ["COLOR_UNSPECIFIED", "COLOR_DEFAULT"]) },
    ]
    let places = [
      "package framedrpc.class.v1", "message Union", "service Default", "rpc S.Register",
      "oneof M.switch", "enum Enum", "value Color.COLOR_DEFAULT",
    ]
    for (error, place) in zip(errors, places) {
      #expect(error?.hasPrefix("sample.proto: \(place): ") == true, "\(error ?? "accepted")")
    }
  }

  @Test("what would be no name in Swift, or a keyword once it is one")
  func swiftNames() {
    let errors = [
      Self.error { $0.enumeration("Level", ["LEVEL_UNSPECIFIED", "LEVEL_1"]) },
      Self.error { $0.enumeration("Level", ["LEVEL_"]) },
      Self.error { $0.message("M") { $0.field("_1", 1, .int64) } },
      Self.error { $0.message("M") { $0.field("_class", 1, .int64) } },
    ]
    let expected = [
      "value Level.LEVEL_1: '1' is no name in Swift", "value Level.LEVEL_: '' is no name in Swift",
      "field M._1: '1' is no name in Swift", "field M._class: 'class' is a keyword",
    ]
    for (error, text) in zip(errors, expected) {
      #expect(error?.hasPrefix("sample.proto: \(text)") == true, "\(error ?? "accepted")")
    }
  }

  @Test(
    "types that Swift does not allow, or that hide those which the code uses",
    arguments: ["Type", "String", "Int64", "Hashable", "RPCContext"])
  func typeNames(_ name: String) {
    let errors = [
      ("message", Self.error { $0.message(name) }),
      ("enum", Self.error { $0.enumeration(name, ["ZERO"]) }),
      ("service", Self.error { $0.service(name) { _ in } }),
    ]
    for (kind, error) in errors {
      #expect(
        error == "sample.proto: \(kind) \(name): '\(name)' is not possible as a type in Swift, "
          + "or hides one that is needed")
    }
    // A field may have such a name.
    let request = Descriptors.request { $0.message("M") { $0.field("type", 1, .int64) } }
    #expect(GeneratorAnswer(Generator.run(request)).error == nil)
  }

  @Test("two names that become one in Swift")
  func collisions() {
    let errors = [
      Self.error {
        $0.message("M") {
          $0.field("class_id", 1, .int64)
          $0.field("classID", 2, .int64)
        }
      },
      Self.error { $0.message("M") { $0.field("hash_value", 1, .int64) } },
      Self.error { $0.enumeration("Color", ["COLOR_RED", "RED"]) },
      Self.error {
        $0.message("ShopClient")
        $0.service("Shop") { _ in }
      },
      Self.error {
        $0.message("M")
        $0.service("Shop") {
          $0.method(
            "Descriptor", input: ".framedrpc.sample.v1.M", output: ".framedrpc.sample.v1.M")
        }
      },
    ]
    let expected = [
      "message M: 'classID'", "message M: 'hashValue'", "enum Color: 'red'",
      "package framedrpc.sample.v1: 'ShopClient'", "service Shop: 'descriptor'",
    ]
    for (error, text) in zip(errors, expected) {
      #expect(error == "\(text) would be declared twice in Swift")
    }
  }

  @Test("what is no request at all")
  func garbage() {
    #expect(Self.error([0xFF, 0xFF]) == "standard input: this is no CodeGeneratorRequest")
  }
}
