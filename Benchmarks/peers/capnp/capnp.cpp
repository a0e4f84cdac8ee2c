// Cap'n Proto RPC: one two-party connection, as many promises as there are calls in flight, one
// thread on each side.
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <sys/timerfd.h>

#include "../common/bench.hpp"
#include "echo.capnp.h"

namespace {

class BenchServer final : public ::Bench::Server {
 public:
  explicit BenchServer(kj::Timer& timer) : timer_(timer) {}

  kj::Promise<void> echo(EchoContext context) override {
    const int delay = context.getParams().getDelayMs();
    if (delay > 0) {
      return timer_.afterDelay(delay * kj::MILLISECONDS).then([context]() mutable {
        answer(context);
      });
    }
    answer(context);
    return kj::READY_NOW;
  }

  kj::Promise<void> stream(StreamContext context) override {
    const auto request = context.getParams();
    return write(context, request.getSink(), request.getText(), request.getNumber());
  }

 private:
  static void answer(EchoContext& context) {
    const auto request = context.getParams();
    auto response = context.getResults(request.totalSize());
    response.setText(request.getText());
    response.setNumber(request.getNumber());
  }

  static kj::Promise<void> write(StreamContext context, ::Sink::Client sink,
                                 capnp::Text::Reader text, int64_t left) {
    if (left == 0) return kj::READY_NOW;
    auto request = sink.writeRequest();
    request.setText(text);
    request.setNumber(left);
    // `context` keeps `text` alive.
    return request.send().then([context, sink = kj::mv(sink), text, left]() mutable {
      return write(context, kj::mv(sink), text, left - 1);
    });
  }

  kj::Timer& timer_;
};

int serve(const bench::Options& options) {
  auto io = kj::setupAsyncIo();
  auto address =
      io.provider->getNetwork().parseAddress("127.0.0.1", options.port).wait(io.waitScope);
  auto listener = address->listen();
  capnp::TwoPartyServer server(kj::heap<BenchServer>(io.provider->getTimer()));
  bench::print_port(listener->getPort());
  std::thread([] {
    bench::wait_for_end_of_input();
    _exit(0);
  }).detach();
  server.listen(*listener).wait(io.waitScope);
  return 0;
}

/// Counts what the server writes.
class SinkServer final : public ::Sink::Server {
 public:
  explicit SinkServer(bench::Load& load, int slot) : load_(load), slot_(slot) {}
  bool goes_on = true;

 private:
  kj::Promise<void> write(WriteContext context) override {
    if (context.getParams().getText().size() > 0) goes_on = load_.received(slot_) && goes_on;
    return kj::READY_NOW;
  }

  bench::Load& load_;
  const int slot_;
};

class Client {
 public:
  Client(const bench::Options& options, kj::AsyncIoContext& io)
      : options_(options),
        io_(io),
        connection_(io.provider->getNetwork()
                        .parseAddress("127.0.0.1", options.port)
                        .wait(io.waitScope)
                        ->connect()
                        .wait(io.waitScope)),
        rpc_(*connection_),
        bench_(rpc_.bootstrap().castAs<::Bench>()),
        text_(options.bytes, 'a') {}

  void unary(bench::Load& load) {
    auto loops = kj::heapArrayBuilder<kj::Promise<void>>(options_.in_flight);
    for (int slot = 0; slot < options_.in_flight; slot++) {
      loops.add(loop(load, slot, bench::now()));
    }
    kj::joinPromises(loops.finish()).wait(io_.waitScope);
  }

  void streams(bench::Load& load) {
    auto loops = kj::heapArrayBuilder<kj::Promise<void>>(options_.in_flight);
    for (int slot = 0; slot < options_.in_flight; slot++) loops.add(stream_loop(load, slot));
    kj::joinPromises(loops.finish()).wait(io_.waitScope);
  }

  void rate(bench::Load& load) {
    // kj's own timer ticks in milliseconds.
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    kj::UnixEventPort::FdObserver observer(io_.unixEventPort, timer,
                                           kj::UnixEventPort::FdObserver::OBSERVE_READ);
    bench::Pace pace(options_);
    kj::TaskSet tasks(errors_);
    while (pace.due() < load.end() && bench::now() < load.end()) {
      const bool full = outstanding_ >= bench::Pace::kMaxOutstanding;
      const int64_t due = full ? bench::now() + bench::Pace::kPause : pace.due();
      const itimerspec when{{0, 0}, {due / 1'000'000'000, due % 1'000'000'000}};
      timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr);
      observer.whenBecomesReadable().wait(io_.waitScope);
      uint64_t expirations;
      if (read(timer, &expirations, sizeof expirations) < 0) continue;
      const int64_t time = bench::now();
      for (; pace.due() <= time && outstanding_ < bench::Pace::kMaxOutstanding; pace.advance()) {
        outstanding_++;
        tasks.add(call(pace.slow()).then([this, &load, due = pace.due(), slow = pace.slow()]() {
          load.finished(0, due, slow);
          outstanding_--;
        }));
      }
    }
    tasks.onEmpty().wait(io_.waitScope);
  }

  void ping() { call(false).wait(io_.waitScope); }

 private:
  kj::Promise<void> call(bool slow) {
    auto request = bench_.echoRequest();
    request.setText(text_.c_str());
    request.setNumber(123'456);
    request.setDelayMs(slow ? options_.slow_ms : 0);
    return request.send().then([this](capnp::Response<::Bench::EchoResults> response) {
      if (response.getText().size() != text_.size()) bench::Options::fail("not what was sent");
    });
  }

  kj::Promise<void> loop(bench::Load& load, int slot, int64_t start) {
    return call(false).then([this, &load, slot, start]() -> kj::Promise<void> {
      const int64_t next = load.finished(slot, start);
      if (next == 0) return kj::READY_NOW;
      return loop(load, slot, next);
    });
  }

  kj::Promise<void> stream_loop(bench::Load& load, int slot) {
    auto server = kj::heap<SinkServer>(load, slot);
    auto* sink = server.get();
    ::Sink::Client client(kj::mv(server));
    auto request = bench_.streamRequest();
    request.setText(text_.c_str());
    request.setNumber(options_.stream_messages());
    request.setSink(client);
    return request.send().then(
        [this, &load, slot, sink,
         client](capnp::Response<::Bench::StreamResults>) mutable -> kj::Promise<void> {
          if (!sink->goes_on) return kj::READY_NOW;
          return stream_loop(load, slot);
        });
  }

  struct Errors : kj::TaskSet::ErrorHandler {
    void taskFailed(kj::Exception&& exception) override {
      bench::Options::fail(exception.getDescription().cStr());
    }
  };

  const bench::Options options_;
  kj::AsyncIoContext& io_;
  kj::Own<kj::AsyncIoStream> connection_;
  capnp::TwoPartyClient rpc_;
  ::Bench::Client bench_;
  const std::string text_;
  Errors errors_;
  int outstanding_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options(argc, argv);
  if (options.server) return serve(options);
  auto io = kj::setupAsyncIo();
  if (options.mode == "idle") {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < options.connections; i++) {
      clients.push_back(std::make_unique<Client>(options, io));
      clients.back()->ping();
    }
    bench::print_ready();
    bench::wait_for_end_of_input();
    _exit(0);
  }
  Client client(options, io);
  bench::Load load(options, options.in_flight);
  if (options.mode == "unary") client.unary(load);
  else if (options.mode == "rate") client.rate(load);
  else if (options.mode == "stream") client.streams(load);
  else bench::Options::fail("no mode " + options.mode);
  load.print();
}
