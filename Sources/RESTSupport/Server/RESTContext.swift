import Hummingbird
import Logging

/// What Hummingbird hands over beside the request: here only where to log.
struct RESTContext: InitializableFromSource {
  let logger: Logger

  init(source: ApplicationRequestContextSource) {
    self.logger = source.logger
  }
}
