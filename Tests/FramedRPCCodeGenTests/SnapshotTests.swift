import FramedRPCCodeGen
import Testing

@Suite("Generated Swift")
struct SnapshotTests {
  private static let request = Descriptors.request {
    $0.message("Ticket") {
      $0.field("ticket_id", 1, .int64)
      $0.field("holder", 2, .string)
      $0.field("color", 3, .enumeration, of: ".framedrpc.sample.v1.Color")
      $0.field("tags", 4, .string, isRepeated: true)
      $0.field("parent", 5, .message, of: ".framedrpc.sample.v1.Note")
      $0.field("row", 6, .int32, oneof: 0)
      $0.field("seal", 7, .bytes)
      $0.oneof("row_presence")
    }
    $0.message("Note")
    $0.enumeration("Color", ["COLOR_UNSPECIFIED", "COLOR_DARK_RED"])
    $0.service("BoxOffice") {
      $0.method(
        "SellTicket", input: ".framedrpc.sample.v1.Note", output: ".framedrpc.sample.v1.Ticket")
    }
    $0.comments([([4, 0], " One seat.\n"), ([4, 0, 2, 1], " Whose it is.\n")])
  }

  @Test("the whole text of a small file")
  func text() {
    let answer = GeneratorAnswer(Generator.run(Self.request))
    #expect(answer.error == nil)
    #expect(answer.files.keys.sorted() == ["AllServices.swift", "SampleV1.swift"])
    // Line by line, so that a difference is shown where it is.
    let lines = (answer.files["SampleV1.swift"] ?? "").split(
      separator: "\n", omittingEmptySubsequences: false)
    let expected = Self.expected.split(separator: "\n", omittingEmptySubsequences: false)
    for (line, expectedLine) in zip(lines, expected) {
      #expect(line == expectedLine)
    }
    #expect(lines.count == expected.count)
  }

  private static let kinds: [(Bool, Bool, [String])] = [
    (
      false, true,
      [
        #"service: "framedrpc.sample.v1.S", name: "Go", kind: .serverStreaming)"#,
        "service.addServerStreaming(go) { try await handler.go($0, $1, $2) }",
        "func go(_ request: SampleV1.A, _ responses: RPCWriter<SampleV1.B>, _ context: RPCContext) "
          + "async throws\n",
        "func go(_ request: SampleV1.A, options: CallOptions = CallOptions()) async throws -> "
          + "RPCReader<SampleV1.B> {",
        "self.channel.serverStreaming(S.go, request, options: options)",
      ]
    ),
    (
      true, false,
      [
        #"name: "Go", kind: .clientStreaming)"#,
        "service.addClientStreaming(go) { try await handler.go($0, $1) }",
        "func go(_ requests: RPCReader<SampleV1.A>, _ context: RPCContext) async throws -> "
          + "SampleV1.B\n",
        "func go(options: CallOptions = CallOptions()) async throws -> "
          + "RPCUpload<SampleV1.A, SampleV1.B> {",
        "self.channel.clientStreaming(S.go, options: options)",
      ]
    ),
    (
      true, true,
      [
        #"name: "Go", kind: .bidirectional)"#,
        "service.addBidirectional(go) { try await handler.go($0, $1, $2) }",
        "func go(_ requests: RPCReader<SampleV1.A>, _ responses: RPCWriter<SampleV1.B>, "
          + "_ context: RPCContext) async throws\n",
        "func go(options: CallOptions = CallOptions()) async throws -> "
          + "RPCStream<SampleV1.A, SampleV1.B> {",
        "self.channel.bidirectional(S.go, options: options)",
      ]
    ),
  ]

  @Test("streaming, either way and both", arguments: Self.kinds)
  func streaming(_ client: Bool, _ server: Bool, _ expected: [String]) {
    let answer = GeneratorAnswer(
      Generator.run(
        Descriptors.request {
          $0.message("A")
          $0.message("B")
          $0.service("S") {
            $0.method(
              "Go", input: ".framedrpc.sample.v1.A", output: ".framedrpc.sample.v1.B",
              clientStreams: client, serverStreams: server)
          }
        }))
    let text = answer.files["SampleV1.swift"] ?? ""
    for line in expected {
      #expect(text.contains(line))
    }
  }

  @Test("the index names every service")
  func index() {
    let answer = GeneratorAnswer(Generator.run(Self.request))
    #expect(answer.files["AllServices.swift"]?.contains("SampleV1.BoxOffice.descriptor,") == true)
  }

  @Test("code of the runtime itself does not import the runtime, and has no index")
  func runtime() throws {
    let request = Descriptors.request(option: "runtime") { $0.message("Note") }
    let answer = GeneratorAnswer(Generator.run(request))
    #expect(answer.files.keys.sorted() == ["SampleV1.swift"])
    let text = try #require(answer.files["SampleV1.swift"])
    #expect(text.contains("public import CProtobufC\npublic import CRuntimeProtos\n\n"))
    #expect(text.contains("public enum SampleV1 {"))
  }

  @Test("a package that the runtime has is extended, and only that one")
  func extended() throws {
    for (package, declaration) in [
      ("framedrpc.sample.v1", "extension SampleV1 {"), ("framedrpc.v1", "public enum SampleV1 {"),
    ] {
      let request = Descriptors.request(option: "extend=\(package)") { $0.message("Note") }
      let answer = GeneratorAnswer(Generator.run(request))
      #expect(answer.files["SampleV1.swift"]?.contains(declaration) == true)
    }
  }

  @Test("an option that does not exist is refused")
  func unknownOption() {
    let request = Descriptors.request(option: "fast") { $0.message("Note") }
    let answer = GeneratorAnswer(Generator.run(request))
    #expect(answer.error?.contains("option 'fast'") == true)
  }

  private static let expected = """
    // swift-format-ignore-file
    // Generated by protoc-gen-framed-rpc. Do not edit.

    public import CFramedRPC
    public import CProtobufC
    public import CProtos
    public import FramedRPC

    /// framedrpc.sample.v1
    public enum SampleV1 {
      public struct Color: RawRepresentable, Hashable, Sendable {
        public let rawValue: Int32

        public init(rawValue: Int32) {
          self.rawValue = rawValue
        }

        public static let unspecified = Color(rawValue: 0)
        public static let darkRed = Color(rawValue: 1)
      }

      /// One seat.
      public struct Ticket: GeneratedMessage {
        public var ticketID: Int64
        /// Whose it is.
        public var holder: String
        public var color: SampleV1.Color
        public var tags: [String]
        public var parent: SampleV1.Note?
        public var row: Int32?
        public var seal: [UInt8]

        public init(
          ticketID: Int64 = 0,
          holder: String = "",
          color: SampleV1.Color = .init(rawValue: 0),
          tags: [String] = [],
          parent: SampleV1.Note? = nil,
          row: Int32? = nil,
          seal: [UInt8] = []
        ) {
          self.ticketID = ticketID
          self.holder = holder
          self.color = color
          self.tags = tags
          self.parent = parent
          self.row = row
          self.seal = seal
        }

        public nonisolated(unsafe) static let cDescriptor: UnsafePointer<ProtobufCMessageDescriptor> = {
          var message = Framedrpc__Sample__V1__Ticket()
          framedrpc__sample__v1__ticket__init(&message)
          return message.base.descriptor
        }()

        public func fill(_ pointer: UnsafeMutablePointer<Framedrpc__Sample__V1__Ticket>, arena: MessageArena) throws(CodecError) {
          framedrpc__sample__v1__ticket__init(pointer)
          pointer.pointee.ticket_id = self.ticketID
          if !self.holder.isEmpty {
            pointer.pointee.holder = try arena.string(self.holder, field: "holder")
          }
          pointer.pointee.color = Framedrpc__Sample__V1__Color(rawValue: UInt32(bitPattern: self.color.rawValue))
          pointer.pointee.n_tags = self.tags.count
          pointer.pointee.tags = try arena.strings(self.tags, field: "tags")
          if let value = self.parent {
            pointer.pointee.parent = try arena.message(value)
          }
          if let value = self.row {
            pointer.pointee.row_presence_case = .init(rawValue: 6)
            pointer.pointee.row = value
          }
          pointer.pointee.seal = try arena.bytes(self.seal)
        }

        public init(_ pointer: UnsafePointer<Framedrpc__Sample__V1__Ticket>) {
          self.ticketID = pointer.pointee.ticket_id
          self.holder = stringField(pointer.pointee.holder)
          self.color = SampleV1.Color(rawValue: Int32(bitPattern: pointer.pointee.color.rawValue))
          self.tags = repeatedField(pointer.pointee.tags, pointer.pointee.n_tags).map { stringField($0) }
          self.parent = pointer.pointee.parent.map { SampleV1.Note($0) }
          self.row = pointer.pointee.row_presence_case.rawValue == 6 ? pointer.pointee.row : nil
          self.seal = bytesField(pointer.pointee.seal)
        }

        public static func decode(_ decoder: UnsafeMutablePointer<framed_rpc_decoder>, _ at: UnsafePointer<UInt8>?, _ end: UnsafePointer<UInt8>?, _ pointer: UnsafeMutablePointer<Framedrpc__Sample__V1__Ticket>) -> Bool {
          framedrpc__sample__v1__ticket__decode(decoder, at, end, pointer) != 0
        }

        public static func size(_ pointer: UnsafePointer<Framedrpc__Sample__V1__Ticket>) -> Int {
          framedrpc__sample__v1__ticket__size(pointer)
        }

        public static func write(_ pointer: UnsafePointer<Framedrpc__Sample__V1__Ticket>, _ end: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8>? {
          framedrpc__sample__v1__ticket__write(pointer, end)
        }
      }

      public struct Note: GeneratedMessage {
        public init() {}

        public nonisolated(unsafe) static let cDescriptor: UnsafePointer<ProtobufCMessageDescriptor> = {
          var message = Framedrpc__Sample__V1__Note()
          framedrpc__sample__v1__note__init(&message)
          return message.base.descriptor
        }()

        public func fill(_ pointer: UnsafeMutablePointer<Framedrpc__Sample__V1__Note>, arena: MessageArena) throws(CodecError) {
          framedrpc__sample__v1__note__init(pointer)
        }

        public init(_ pointer: UnsafePointer<Framedrpc__Sample__V1__Note>) {
        }

        public static func decode(_ decoder: UnsafeMutablePointer<framed_rpc_decoder>, _ at: UnsafePointer<UInt8>?, _ end: UnsafePointer<UInt8>?, _ pointer: UnsafeMutablePointer<Framedrpc__Sample__V1__Note>) -> Bool {
          framedrpc__sample__v1__note__decode(decoder, at, end, pointer) != 0
        }

        public static func size(_ pointer: UnsafePointer<Framedrpc__Sample__V1__Note>) -> Int {
          framedrpc__sample__v1__note__size(pointer)
        }

        public static func write(_ pointer: UnsafePointer<Framedrpc__Sample__V1__Note>, _ end: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8>? {
          framedrpc__sample__v1__note__write(pointer, end)
        }
      }

      public enum BoxOffice {
        public static let sellTicket = RPCMethod<SampleV1.Note, SampleV1.Ticket>(
          service: "framedrpc.sample.v1.BoxOffice", name: "SellTicket")

        /// The methods with their messages, for tools that know them by name only.
        public static let descriptor = ServiceDescriptor(name: "framedrpc.sample.v1.BoxOffice", methods: [
          MethodDescriptor(sellTicket),
        ])

        /// The service as a server takes it, answered by `handler`.
        ///
        /// - Parameter execution: where the handler runs; `.eventLoop` only when it never
        ///   blocks and never computes for long.
        public static func register(_ handler: some BoxOfficeHandler, on execution: HandlerExecution = .sharedPool) -> RPCService {
          var service = RPCService(descriptor: Self.descriptor, execution: execution)
          service.addUnary(sellTicket) { try $0.answer(await handler.sellTicket($0.request(), $0.context)) }
          return service
        }
      }

      /// Answers the calls of BoxOffice, many at once.
      ///
      /// Runs where `register` says: on the shared pool of threads, or on the event loop of a
      /// connection, where it must not block. Its task is cancelled when the caller leaves or the
      /// deadline passes. An `RPCError` reaches the caller as it is; `CancellationError` becomes
      /// CANCELLED, or DEADLINE_EXCEEDED after the deadline; any other error becomes INTERNAL.
      public protocol BoxOfficeHandler: Sendable {
        func sellTicket(_ request: SampleV1.Note, _ context: RPCContext) async throws -> SampleV1.Ticket
      }

      /// Calls BoxOffice through a channel.
      public struct BoxOfficeClient: Sendable {
        public let channel: any RPCChannel

        public init(_ channel: any RPCChannel) {
          self.channel = channel
        }

        public func sellTicket(_ request: SampleV1.Note, options: CallOptions = CallOptions()) async throws -> SampleV1.Ticket {
          try await self.channel.unary(BoxOffice.sellTicket, request, options: options)
        }
      }
    }

    """
}
