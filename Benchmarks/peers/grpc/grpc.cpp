// gRPC C++ with its callback API, the one that its maintainers recommend for speed: plaintext, one
// channel, no deadline.
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "../common/bench.hpp"
#include "echo.grpc.pb.h"

namespace {

using ::bench::EchoRequest;
using ::bench::EchoResponse;

/// Sends `number` messages, each when the one before has been taken.
class StreamReactor : public grpc::ServerWriteReactor<EchoResponse> {
 public:
  explicit StreamReactor(const EchoRequest& request) : left_(request.number()) {
    response_.set_text(request.text());
    next();
  }
  void OnWriteDone(bool ok) override { ok ? next() : Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

 private:
  void next() {
    if (left_ == 0) return Finish(grpc::Status::OK);
    response_.set_number(left_--);
    StartWrite(&response_);
  }

  EchoResponse response_;
  int64_t left_;
};

class Service : public ::bench::Bench::CallbackService {
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoRequest* request,
                                 EchoResponse* response) override {
    response->set_text(request->text());
    response->set_number(request->number());
    auto* reactor = context->DefaultReactor();
    if (request->delay_ms() > 0) {
      auto* alarm = new grpc::Alarm;
      alarm->Set(std::chrono::system_clock::now() + std::chrono::milliseconds(request->delay_ms()),
                 [alarm, reactor](bool) {
                   reactor->Finish(grpc::Status::OK);
                   delete alarm;
                 });
    } else {
      reactor->Finish(grpc::Status::OK);
    }
    return reactor;
  }

  grpc::ServerWriteReactor<EchoResponse>* Stream(grpc::CallbackServerContext*,
                                                 const EchoRequest* request) override {
    return new StreamReactor(*request);
  }
};

int serve(const bench::Options& options) {
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(options.port),
                           grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (!server) bench::Options::fail("cannot listen");
  bench::print_port(port);
  bench::wait_for_end_of_input();
  _exit(0);
}

std::shared_ptr<grpc::Channel> connect(const bench::Options& options) {
  grpc::ChannelArguments arguments;
  // A connection of its own for each channel: the idle test needs a thousand.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(options.port),
                                           grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    bench::Options::fail("cannot connect");
  }
  return channel;
}

/// Lets `main` wait until the last call is back.
class Latch {
 public:
  explicit Latch(int count) : count_(count) {}
  void count_down() {
    std::lock_guard lock(mutex_);
    if (--count_ == 0) zero_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    zero_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable zero_;
  int count_;
};

void check(const grpc::Status& status) {
  if (!status.ok()) bench::Options::fail("call failed: " + status.error_message());
}

struct Call {
  std::optional<grpc::ClientContext> context;
  EchoRequest request;
  EchoResponse response;
  int64_t start = 0;
  int slot = 0;
};

void unary(const bench::Options& options, ::bench::Bench::Stub& stub, bench::Load& load) {
  Latch latch(options.in_flight);
  std::vector<Call> calls(options.in_flight);
  std::function<void(Call&)> send = [&](Call& call) {
    call.context.emplace();
    stub.async()->Echo(&*call.context, &call.request, &call.response, [&](grpc::Status status) {
      check(status);
      call.start = load.finished(call.slot, call.start);
      call.start == 0 ? latch.count_down() : send(call);
    });
  };
  const std::string text(options.bytes, 'a');
  for (int slot = 0; slot < options.in_flight; slot++) {
    auto& call = calls[slot];
    call.slot = slot;
    call.request.set_text(text);
    call.request.set_number(123'456);
    call.start = bench::now();
    send(call);
  }
  latch.wait();
}

void rate(const bench::Options& options, ::bench::Bench::Stub& stub, bench::Load& load) {
  const std::string text(options.bytes, 'a');
  bench::Pace pace(options);
  // Calls come back on several threads; the lock guards the histogram too.
  std::mutex mutex;
  std::vector<int> free;
  std::vector<Call> calls(bench::Pace::kMaxOutstanding);
  for (int slot = 0; slot < bench::Pace::kMaxOutstanding; slot++) free.push_back(slot);
  while (pace.due() < load.end()) {
    bench::sleep_until(pace.due());
    int slot = -1;
    {
      std::lock_guard lock(mutex);
      if (!free.empty()) {
        slot = free.back();
        free.pop_back();
      }
    }
    if (slot < 0) {
      if (bench::now() >= load.end()) break;
      bench::sleep_until(bench::now() + bench::Pace::kPause);
      continue;
    }
    auto& call = calls[slot];
    call.request.set_text(text);
    call.request.set_delay_ms(pace.slow() ? options.slow_ms : 0);
    call.start = pace.due();
    pace.advance();
    call.context.emplace();
    stub.async()->Echo(&*call.context, &call.request, &call.response,
                       [&, slot](grpc::Status status) {
                         check(status);
                         auto& call = calls[slot];
                         std::lock_guard lock(mutex);
                         load.finished(0, call.start, call.request.delay_ms() > 0);
                         free.push_back(slot);
                       });
  }
  while (true) {
    bench::sleep_until(bench::now() + 1'000'000);
    std::lock_guard lock(mutex);
    if (free.size() == calls.size()) return;
  }
}

/// Reads streams one after the other until time is up.
class Reader : public grpc::ClientReadReactor<EchoResponse> {
 public:
  Reader(const bench::Options& options, ::bench::Bench::Stub& stub, bench::Load& load, int slot,
         Latch& latch)
      : stub_(stub), load_(load), latch_(latch), slot_(slot) {
    request_.set_text(std::string(options.bytes, 'a'));
    request_.set_number(options.stream_messages());
    open();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    goes_on_ = load_.received(slot_) && goes_on_;
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    check(status);
    goes_on_ ? open() : latch_.count_down();
  }

 private:
  void open() {
    context_.emplace();
    stub_.async()->Stream(&*context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  ::bench::Bench::Stub& stub_;
  bench::Load& load_;
  Latch& latch_;
  const int slot_;
  std::optional<grpc::ClientContext> context_;
  EchoRequest request_;
  EchoResponse response_;
  bool goes_on_ = true;
};

void streams(const bench::Options& options, ::bench::Bench::Stub& stub, bench::Load& load) {
  Latch latch(options.in_flight);
  std::vector<std::unique_ptr<Reader>> readers;
  for (int slot = 0; slot < options.in_flight; slot++) {
    readers.push_back(std::make_unique<Reader>(options, stub, load, slot, latch));
  }
  latch.wait();
}

/// Nanoseconds to decode the 40-byte request.
void decode() {
  EchoRequest request;
  request.set_text("a text as long as names are here");
  request.set_number(123'456);
  const std::string bytes = request.SerializeAsString();
  constexpr int kRounds = 5'000'000;
  int64_t sum = 0;
  const int64_t start = bench::now();
  for (int i = 0; i < kRounds; i++) {
    EchoRequest decoded;
    if (!decoded.ParseFromString(bytes)) bench::Options::fail("no request");
    sum += decoded.number() + static_cast<int64_t>(decoded.text().size());
  }
  printf("{\"bytes\":%zu,\"nanoseconds\":%.2f,\"sum\":%ld}\n", bytes.size(),
         static_cast<double>(bench::now() - start) / kRounds, sum);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options(argc, argv);
  if (options.server) return serve(options);
  if (options.mode == "decode") {
    decode();
    return 0;
  }
  if (options.mode == "idle") {
    std::vector<std::shared_ptr<grpc::Channel>> channels;
    for (int i = 0; i < options.connections; i++) channels.push_back(connect(options));
    bench::print_ready();
    bench::wait_for_end_of_input();
    _exit(0);
  }
  const auto stub = ::bench::Bench::NewStub(connect(options));
  bench::Load load(options, options.in_flight);
  if (options.mode == "unary") unary(options, *stub, load);
  else if (options.mode == "rate") rate(options, *stub, load);
  else if (options.mode == "stream") streams(options, *stub, load);
  else bench::Options::fail("no mode " + options.mode);
  load.print();
}
