/// What a server tells of itself, beside the services that it is given.
///
/// A service of the same name among those takes the place of one of these.
public struct ServerIntrospection: Sendable {
  /// Why a service, or for "" the server as a whole, cannot do its work now, a sentence each; empty
  /// when it can. Asked each time, on the event loop of the connection: it must not block.
  public typealias HealthCheck = @Sendable (_ service: String) async -> [String]

  /// framedrpc.v1.ReflectionService: services, methods, messages.
  public var reflection: Bool
  /// framedrpc.v1.HealthService; nil for none.
  public var health: HealthCheck?
  /// How often a Watch of health looks whether it has changed.
  public var healthInterval: Duration
  /// framedrpc.v1.StatisticsService: connections, methods, slow calls, and these channels; nil for
  /// none, and then nothing is counted.
  public var statistics: StatisticsSources?
  /// framedrpc.v1.LoadService: reports of this load to whoever subscribes; nil for none.
  public var load: LoadReporter?
  /// framedrpc.v1.ResilienceService: these circuits, bulkheads and limits, to be seen and set; nil for
  /// none.
  public var guards: Guards?
  /// Around the calls of these services: a server that asks for a token asks for it here too.
  public var interceptors: [any ServerInterceptor]

  public init(
    reflection: Bool = true, health: HealthCheck? = { _ in [] },
    healthInterval: Duration = .seconds(1),
    statistics: StatisticsSources? = StatisticsSources(), guards: Guards? = nil,
    load: LoadReporter? = nil, interceptors: [any ServerInterceptor] = []
  ) {
    self.interceptors = interceptors
    self.reflection = reflection
    self.health = health
    self.healthInterval = healthInterval
    self.statistics = statistics
    self.guards = guards
    self.load = load
  }

  /// Only the services that the server is given.
  public static let none = ServerIntrospection(reflection: false, health: nil, statistics: nil)

  /// `services`, then those of introspection that are wanted and not among them. An overloaded server
  /// still says how it is: these are exempt from its limit.
  func adding(
    to services: [RPCService], _ statistics: ServerStatistics, _ watches: IntrospectionWatches
  ) -> [RPCService] {
    var served = services
    let given = Set(services.map(\.name))
    func isWanted(_ descriptor: ServiceDescriptor) -> Bool { !given.contains(descriptor.name) }

    if let sources = self.statistics, isWanted(FramedrpcV1.StatisticsService.descriptor) {
      served.append(
        FramedrpcV1.StatisticsService.register(
          StatisticsHandler(statistics: statistics, sources: sources), on: .eventLoop))
    }
    if let guards = self.guards, isWanted(FramedrpcV1.ResilienceService.descriptor) {
      served.append(
        FramedrpcV1.ResilienceService.register(ResilienceHandler(guards: guards), on: .eventLoop))
    }
    if let load = self.load, isWanted(FramedrpcV1.LoadService.descriptor) {
      served.append(
        FramedrpcV1.LoadService.register(
          LoadHandler(reporter: load, watches: watches), on: .eventLoop))
    }
    let hasHealth = self.health != nil && isWanted(FramedrpcV1.HealthService.descriptor)
    let hasReflection = self.reflection && isWanted(FramedrpcV1.ReflectionService.descriptor)
    let names =
      served.map(\.name)
      + (hasHealth ? [FramedrpcV1.HealthService.descriptor.name] : [])
      + (hasReflection ? [FramedrpcV1.ReflectionService.descriptor.name] : [])
    if hasHealth, let check = self.health {
      served.append(
        FramedrpcV1.HealthService.register(
          HealthHandler(
            services: names, check: check, interval: self.healthInterval, watches: watches),
          on: .eventLoop))
    }
    if hasReflection {
      // Reflection describes itself, with a handler that is never asked.
      let itself = FramedrpcV1.ReflectionService.register(ReflectionHandler(services: []))
      served.append(
        FramedrpcV1.ReflectionService.register(ReflectionHandler(services: served + [itself])))
    }
    return services
      + served.dropFirst(services.count).map { $0.intercepted(by: self.interceptors).exempt() }
  }
}
