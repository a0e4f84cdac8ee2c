import FramedRPC
import NIOCore

/// Presses one method through some connections of one loop.
struct Press {
  let method: DescribedMethod
  let kind: RPCKind
  let template: RequestTemplate
  /// How often the requests are sent in each stream that takes any number.
  let times: Int
  let channels: [any RPCChannel]
  let options: CallOptions
  let loop: any EventLoop

  func run(_ plan: OpenLoad.Plan) async throws -> PressResult {
    let executor = EventLoopTaskExecutor(loop: self.loop)
    // Also says what is wrong with the request before anything is sent.
    let first = try self.requests(0)
    let load = OpenLoad(loop: self.loop, plan: plan) { number, ended in
      let channel = self.channels[number % self.channels.count]
      Task.immediate(executorPreference: executor) {
        let requests = self.template.isConstant ? first : nil
        let outcome = await self.call(channel, requests, number, executor)
        if self.loop.inEventLoop {
          ended(outcome)
        } else {
          self.loop.execute { ended(outcome) }
        }
      }
    }
    let progress = self.progress(of: load)
    defer { progress?.cancel() }
    try await self.loop.flatSubmit { load.start() }.get()
    return try await self.loop.submit { load.final }.get()
  }

  private func call(
    _ channel: any RPCChannel, _ made: [ByteBuffer]?, _ number: Int,
    _ executor: EventLoopTaskExecutor
  ) async -> OpenLoad.Outcome {
    let requests: [ByteBuffer]
    do {
      requests = try made ?? self.requests(number)
    } catch {
      return OpenLoad.Outcome(status: .invalidArgument)
    }
    let call = RPCCall(
      method: self.method.method.fullName,
      request: self.kind.clientStreams ? ByteBuffer() : requests[0], options: self.options)
    guard self.kind == .unary else {
      return await self.stream(call, self.kind.clientStreams ? requests : [], channel, executor)
    }
    do {
      _ = try await channel.call(call)
      return OpenLoad.Outcome(status: .ok)
    } catch {
      return OpenLoad.Outcome(status: Self.status(of: error))
    }
  }

  /// Writes and reads at the same time, until the server has ended the stream.
  private func stream(
    _ call: RPCCall, _ requests: [ByteBuffer], _ channel: any RPCChannel,
    _ executor: EventLoopTaskExecutor
  ) async -> OpenLoad.Outcome {
    let stream: RPCByteStream
    do {
      stream = try await channel.open(call, kind: self.kind)
    } catch {
      return OpenLoad.Outcome(status: Self.status(of: error))
    }
    let writing = Task.immediate(executorPreference: executor) {
      var sent = 0
      // The only request of the other kinds went when the stream was opened.
      guard self.kind.clientStreams else { return 1 }
      do {
        for _ in 0..<self.times {
          for request in requests {
            try await stream.write(request)
            sent += 1
          }
        }
        stream.finishWriting()
      } catch {
        // The stream is over; its reader hears why.
      }
      return sent
    }
    var received = 0
    var status = RPCStatus.ok
    do {
      while try await stream.next() != nil {
        received += 1
      }
    } catch {
      status = Self.status(of: error)
    }
    // What is written to a stream that is over fails at once.
    return OpenLoad.Outcome(status: status, sent: await writing.value, received: received)
  }

  private static func status(of error: any Error) -> RPCStatus {
    (error as? RPCError)?.status ?? .unknown
  }

  /// - Throws: ``CommandFailure`` for one that does not fit the method, and when it takes one and
  ///   there are more or none.
  private func requests(_ number: Int) throws(CommandFailure) -> [ByteBuffer] {
    let values = JSONValues.split(Array(self.template.text(number).utf8))
    var requests: [ByteBuffer] = []
    for value in values {
      requests.append(ByteBuffer(bytes: try self.method.request(from: value)))
    }
    guard self.kind.clientStreams || requests.count == 1 else {
      throw CommandFailure(
        "\(self.method.method.shortName) takes one request, not \(requests.count)")
    }
    return requests
  }

  /// A line a second, where somebody looks.
  private func progress(of load: OpenLoad) -> RepeatedTask? {
    guard Console.messagesGoToTerminal else { return nil }
    return self.loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
      Console.note(load.current.progress)
    }
  }
}
