/// What `--framed-rpc_opt` may say, separated by commas.
struct GeneratorOptions {
  /// `runtime`: the code becomes a part of FramedRPC itself, and its C code is CRuntimeProtos.
  var isRuntime = false
  /// `extend=framedrpc.v1`: FramedRPC has that package's enum already.
  var extended: String?
  /// `c`: the codecs of the messages, in C, and no Swift.
  var isCodec = false

  init(_ parameter: String) throws(SchemaError) {
    for option in parameter.split(separator: ",") {
      let parts = option.split(separator: "=", maxSplits: 1)
      switch (parts.first, parts.count) {
      case ("c", 1): self.isCodec = true
      case ("runtime", 1): self.isRuntime = true
      case ("extend", 2): self.extended = String(parts[1])
      default:
        throw SchemaError(
          place: "option '\(option)'", reason: "there are only c, runtime and extend=PACKAGE")
      }
    }
  }
}
