import Hummingbird
import Logging
import NIOCore

/// What Hummingbird hands over beside the request: where to log, and whom to tell to go on.
struct RESTContext: InitializableFromSource {
  let logger: Logger
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    self.logger = source.logger
    self.channel = source.channel
  }
}
