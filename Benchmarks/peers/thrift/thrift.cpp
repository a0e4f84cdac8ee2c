// Apache Thrift: TNonblockingServer with the binary protocol. Its C++ client carries one call at a
// time, so N calls in flight are N connections, driven by one thread with epoll; that is the
// fastest way to drive them (a thread for each is several times slower).
//
// `--workers N` gives the server a pool for handlers that sleep; 0 runs them on the I/O thread.
#include <sys/epoll.h>
#include <thrift/concurrency/ThreadFactory.h>
#include <thrift/concurrency/ThreadManager.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TNonblockingServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TNonblockingServerSocket.h>
#include <thrift/transport/TSocket.h>

#include <algorithm>
#include <deque>
#include <memory>

#include "../common/bench.hpp"
#include "gen-cpp/Bench.h"

namespace {

using apache::thrift::concurrency::ThreadFactory;
using apache::thrift::concurrency::ThreadManager;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::protocol::TBinaryProtocolFactory;
using apache::thrift::server::TNonblockingServer;
using apache::thrift::transport::TFramedTransport;
using apache::thrift::transport::TNonblockingServerSocket;
using apache::thrift::transport::TSocket;
using bench_thrift::BenchClient;
using bench_thrift::BenchIf;
using bench_thrift::BenchProcessor;
using bench_thrift::EchoRequest;
using bench_thrift::EchoResponse;

class Handler : public BenchIf {
  void Echo(EchoResponse& response, const EchoRequest& request) override {
    if (request.delay_ms > 0) bench::sleep_until(bench::now() + request.delay_ms * 1'000'000LL);
    response.text = request.text;
    response.number = request.number;
  }
};

class Listening : public apache::thrift::server::TServerEventHandler {
 public:
  explicit Listening(std::shared_ptr<TNonblockingServerSocket> socket) : socket_(socket) {}
  void preServe() override { bench::print_port(socket_->getListenPort()); }

 private:
  std::shared_ptr<TNonblockingServerSocket> socket_;
};

int serve(const bench::Options& options) {
  apache::thrift::GlobalOutput.setOutputFunction([](const char*) {});  // it greets at length
  auto socket = std::make_shared<TNonblockingServerSocket>("127.0.0.1", options.port);
  std::shared_ptr<ThreadManager> workers;
  if (options.workers > 0) {
    workers = ThreadManager::newSimpleThreadManager(options.workers);
    workers->threadFactory(std::make_shared<ThreadFactory>());
    workers->start();
  }
  TNonblockingServer server(std::make_shared<BenchProcessor>(std::make_shared<Handler>()),
                            std::make_shared<TBinaryProtocolFactory>(), socket, workers);
  server.setServerEventHandler(std::make_shared<Listening>(socket));
  std::thread([] {
    bench::wait_for_end_of_input();
    _exit(0);
  }).detach();
  server.serve();
  return 0;
}

/// One connection with at most one call on it.
struct Connection {
  std::shared_ptr<TSocket> socket;
  std::unique_ptr<BenchClient> client;
  EchoRequest request;
  EchoResponse response;
  int64_t start = 0;

  explicit Connection(const bench::Options& options)
      : socket(std::make_shared<TSocket>("127.0.0.1", options.port)) {
    socket->setNoDelay(true);
    auto framed = std::make_shared<TFramedTransport>(socket);
    client = std::make_unique<BenchClient>(std::make_shared<TBinaryProtocol>(framed));
    framed->open();
    request.text = std::string(options.bytes, 'a');
    request.number = 123'456;
  }

  void send(int64_t time) {
    start = time;
    client->send_Echo(request);
  }

  void receive() {
    client->recv_Echo(response);
    if (response.text.size() != request.text.size()) bench::Options::fail("not what was sent");
  }
};

class Client {
 public:
  explicit Client(const bench::Options& options) : options_(options) {
    for (int i = 0; i < options.in_flight; i++) {
      connections_.push_back(std::make_unique<Connection>(options));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u32 = i;
      epoll_ctl(poller_, EPOLL_CTL_ADD, connections_[i]->socket->getSocketFD(), &event);
    }
  }

  void unary(bench::Load& load) {
    for (auto& connection : connections_) connection->send(bench::now());
    int running = options_.in_flight;
    while (running > 0) {
      each_answer(INT64_MAX, [&](Connection& connection, int) {
        const int64_t next = load.finished(0, connection.start);
        if (next == 0) {
          running--;
        } else {
          connection.send(next);
        }
      });
    }
  }

  void rate(bench::Load& load) {
    bench::Pace pace(options_);
    std::vector<int> free;
    for (int i = 0; i < options_.in_flight; i++) free.push_back(i);
    struct Due {
      int64_t time;
      bool slow;
    };
    std::deque<Due> waiting;
    while ((pace.due() < load.end() && bench::now() < load.end()) || !waiting.empty() ||
           static_cast<int>(free.size()) < options_.in_flight) {
      const int64_t time = bench::now();
      for (; pace.due() <= time && pace.due() < load.end() &&
             waiting.size() < bench::Pace::kMaxOutstanding;
           pace.advance()) {
        waiting.push_back({pace.due(), pace.slow()});
      }
      while (!waiting.empty() && !free.empty()) {
        auto& connection = *connections_[free.back()];
        free.pop_back();
        connection.request.delay_ms = waiting.front().slow ? options_.slow_ms : 0;
        connection.send(waiting.front().time);
        waiting.pop_front();
      }
      each_answer(pace.due(), [&](Connection& connection, int index) {
        load.finished(0, connection.start, connection.request.delay_ms > 0);
        free.push_back(index);
      });
    }
  }

 private:
  template <typename Body>
  void each_answer(int64_t deadline, Body body) {
    const int64_t wait = std::max<int64_t>(deadline - bench::now(), 0);
    const timespec limit{wait / 1'000'000'000, wait % 1'000'000'000};
    epoll_event events[256];
    const int count = epoll_pwait2(poller_, events, 256, &limit, nullptr);
    for (int i = 0; i < count; i++) {
      auto& connection = *connections_[events[i].data.u32];
      connection.receive();
      body(connection, static_cast<int>(events[i].data.u32));
    }
  }

  const bench::Options options_;
  const int poller_ = epoll_create1(0);
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options(argc, argv);
  if (options.server) return serve(options);
  if (options.mode == "idle") {
    std::vector<std::unique_ptr<Connection>> connections;
    for (int i = 0; i < options.connections; i++) {
      connections.push_back(std::make_unique<Connection>(options));
      connections.back()->send(0);
      connections.back()->receive();
    }
    bench::print_ready();
    bench::wait_for_end_of_input();
    _exit(0);
  }
  Client client(options);
  bench::Load load(options, 1);
  if (options.mode == "unary") client.unary(load);
  else if (options.mode == "rate") client.rate(load);
  else bench::Options::fail("no mode " + options.mode);
  load.print();
}
