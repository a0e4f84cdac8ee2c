import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// What a connection runs through: Hummingbird's `HTTP1Channel` with our own handlers where they
/// still see what its codec leaves out, the first line and the version of a request.
struct RESTChannel: HTTPChannelHandler {
  typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

  let responder: Responder
  /// nil: nobody is refused.
  let door: FrontDoor?
  let configuration: RESTServerConfiguration

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    let configuration = self.configuration
    let door = self.door
    return channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      let plain = door.map { PlainRefusalHandler($0) }
      if let plain { try pipeline.addHandler(plain) }
      let line = RequestLineHandler(maxBytes: configuration.maxRequestLineBytes)
      try pipeline.addHandler(line)
      try pipeline.configureHTTPServerPipeline(
        withPipeliningAssistance: false, withErrorHandling: false,
        // The types of swift-http-types do that.
        withOutboundHeaderValidation: false, withEncoderConfiguration: .init(),
        withDecoderLimitConfiguration: configuration.decoderLimits)
      try pipeline.addHandlers([
        RequestLimitsHandler(line: line, limits: configuration),
        HTTP1ToHTTPServerCodec(secure: false),
        HTTPConnectionStateHandler(idleTimeout: configuration.idleTimeout, logger: logger),
      ])
      if let door, let plain { try pipeline.addHandler(EarlyRefusalHandler(door, plain)) }
      return try NIOAsyncChannel(
        wrappingChannelSynchronously: channel,
        configuration: .init(isOutboundHalfClosureEnabled: true))
    }
  }

  func handle(value: Value, logger: Logger) async {
    await self.handleHTTP(asyncChannel: value, logger: logger)
  }
}

extension RESTServerConfiguration {
  fileprivate var decoderLimits: NIOHTTPDecoderLimitConfiguration {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = self.maxHeaderBytes
    limits.maxHeaderListSize = self.maxHeaderBytes
    limits.maxHeaderFieldCount = self.maxHeaderLines
    return limits
  }
}
