/// Names that break generated code in one of the languages that read our .proto files.
enum Keywords {
  /// protoc-c mends field names with a trailing underscore, but neither methods nor package parts;
  /// one rule for all is easier to remember.
  static func isReserved(_ name: String) -> Bool {
    Self.reserved.contains(name) || Self.reserved.contains(name.lowercased())
  }

  /// Names of types that Swift refuses within another type, or that would hide the types which the
  /// generated code uses.
  static func isReservedType(_ name: String) -> Bool { Self.reservedTypes.contains(name) }

  private static let reservedTypes: Set<String> = {
    let swift = """
      Array Bool Double Float Hashable Int32 Int64 Optional RawRepresentable Sendable String Type \
      UInt32 UInt64 UInt8 UnsafeMutablePointer UnsafePointer
      """
    let runtime = """
      CBackedMessage CFramedRPC CProtobufC CProtos CallOptions CodecError FramedRPC \
      GeneratedMessage HandlerExecution MessageArena MethodDescriptor ProtobufCMessageDescriptor RPCChannel RPCContext RPCMethod \
      RPCService ServiceDescriptor
      """
    return Set([swift, runtime].flatMap { $0.split(separator: " ").map(String.init) })
  }()

  private static let reserved: Set<String> = {
    let c = """
      auto break case char const continue default do double else enum extern float for goto if \
      inline int long register restrict return short signed sizeof static struct switch typedef \
      typeof typeof_unqual union unsigned void volatile while
      """
    let cPlusPlus = """
      alignas alignof and and_eq asm bitand bitor bool catch char16_t char32_t char8_t class \
      co_await co_return co_yield compl concept const_cast consteval constexpr constinit decltype \
      delete dynamic_cast explicit export false friend mutable namespace new noexcept not not_eq \
      nullptr operator or or_eq private protected public reinterpret_cast requires static_assert \
      static_cast template this thread_local throw true try typeid typename using virtual wchar_t \
      xor xor_eq
      """
    let python = """
      as assert async await def del elif except finally from global import in is lambda none \
      nonlocal pass raise with yield
      """
    let swift = """
      actor any associatedtype defer deinit extension fallthrough fileprivate func guard init \
      inout internal let nil open protocol repeat rethrows self some subscript super throws \
      typealias var where
      """
    return Set(
      [c, cPlusPlus, python, swift].flatMap { $0.split(separator: " ").map(String.init) })
  }()
}
