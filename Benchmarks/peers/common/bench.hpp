// What every C++ contestant shares: its options, the clock, latency histograms, and the one line of
// JSON that it prints. README.md says what the options and the fields mean.
#pragma once

#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace bench {

/// Nanoseconds of the monotonic clock.
inline int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

inline void sleep_until(int64_t when) {
  timespec time{when / 1'000'000'000, when % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) != 0) {
  }
}

/// Processor time of this process in microseconds, user and system.
inline double cpu_microseconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

struct Options {
  bool server = false;
  std::string mode = "unary";
  int port = 0;
  int in_flight = 1;
  int bytes = 64;
  double seconds = 2;
  double warmup = 0.5;
  double rate = 1000;
  int slow_percent = 0;
  int slow_ms = 10;
  long calls = 0;  // 0: until time is up
  int connections = 1000;
  int workers = 0;

  Options(int argc, char** argv) {
    if (argc < 2) fail("server or client?");
    server = std::string(argv[1]) == "server";
    for (int i = 2; i < argc; i += 2) {
      if (i + 1 >= argc) fail(std::string(argv[i]) + " needs a value");
      const std::string name = argv[i];
      const char* value = argv[i + 1];
      if (name == "--mode") mode = value;
      else if (name == "--port") port = atoi(value);
      else if (name == "--in-flight") in_flight = atoi(value);
      else if (name == "--bytes") bytes = atoi(value);
      else if (name == "--seconds") seconds = atof(value);
      else if (name == "--warmup") warmup = atof(value);
      else if (name == "--rate") rate = atof(value);
      else if (name == "--slow-percent") slow_percent = atoi(value);
      else if (name == "--slow-ms") slow_ms = atoi(value);
      else if (name == "--calls") calls = atol(value);
      else if (name == "--connections") connections = atoi(value);
      else if (name == "--workers") workers = atoi(value);
      else fail("unknown option " + name);
    }
    // Timers as precise as the kernel can: the default lets them be 50 us late.
    prctl(PR_SET_TIMERSLACK, 1);
  }

  /// Messages of one server stream: enough that opening it costs nothing beside them.
  int stream_messages() const {
    const int64_t fit = 64LL * 1024 * 1024 / bytes;
    return static_cast<int>(fit < 1 ? 1 : fit > 20'000 ? 20'000 : fit);
  }

  [[noreturn]] static void fail(const std::string& text) {
    fprintf(stderr, "%s\n", text.c_str());
    exit(2);
  }
};

/// Counts latencies in buckets that are each about 3 % wide.
class Histogram {
 public:
  Histogram() : counts_(60 * kSteps) {}

  void record(int64_t nanoseconds) {
    if (nanoseconds < 0) nanoseconds = 0;
    counts_[bucket(nanoseconds)]++;
    count_++;
    if (nanoseconds > max_) max_ = nanoseconds;
  }

  void add(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); i++) counts_[i] += other.counts_[i];
    count_ += other.count_;
    if (other.max_ > max_) max_ = other.max_;
  }

  int64_t count() const { return count_; }
  double max_microseconds() const { return max_ / 1e3; }

  /// The latency that `fraction` of the calls did not exceed.
  double microseconds(double fraction) const {
    int64_t left = static_cast<int64_t>(count_ * fraction + 0.999999);
    for (size_t i = 0; i < counts_.size(); i++) {
      if (counts_[i] == 0) continue;
      left -= counts_[i];
      if (left <= 0) return upper_bound(i) / 1e3;
    }
    return 0;
  }

 private:
  static constexpr int kStepBits = 5, kSteps = 1 << kStepBits;

  static size_t bucket(uint64_t value) {
    if (value < kSteps) return value;
    const int shift = 63 - __builtin_clzll(value) - kStepBits;
    return (shift + 1) * kSteps + (value >> shift) - kSteps;
  }
  static double upper_bound(size_t bucket) {
    const int shift = static_cast<int>(bucket / kSteps) - 1;
    if (shift < 0) return bucket;
    return static_cast<double>(((bucket % kSteps + kSteps + 1) << shift) - 1);
  }

  std::vector<uint32_t> counts_;
  int64_t count_ = 0, max_ = 0;
};

/// Measures one level of load. Every slot (a call in flight, or a thread) records for itself, so
/// that no lock is measured.
class Load {
 public:
  Load(const Options& options, int slots)
      : options_(options),
        slots_(slots),
        warm_(now() + static_cast<int64_t>(options.warmup * 1e9)),
        end_(options.calls > 0 ? INT64_MAX : warm_ + static_cast<int64_t>(options.seconds * 1e9)),
        quota_(options.calls > 0 ? options.calls / slots : INT64_MAX) {
    if (options.calls == 0) {
      sampler_ = std::thread([this] {
        sleep_until(warm_);
        const double before = cpu_microseconds();
        sleep_until(end_);
        cpu_ = cpu_microseconds() - before;
      });
    }
  }

  /// Counts a call. Returns when the next one starts, which is now, or 0 when it is over.
  int64_t finished(int slot, int64_t start, bool slow = false) {
    const int64_t time = now();
    auto& mine = slots_[slot];
    mine.total++;
    if (time >= end_) return 0;
    if (start >= warm_) (slow ? mine.slow : mine.quick).record(time - start);
    return mine.total < quota_ ? time : 0;
  }

  /// Counts a message of a stream. Returns whether to go on.
  bool received(int slot) {
    auto& mine = slots_[slot];
    mine.total++;
    // The clock once in a while: there may be millions of messages a second.
    if (mine.total % 16 == 0) mine.time = now();
    if (mine.time >= warm_ && mine.time < end_) mine.messages++;
    return mine.time < end_;
  }

  int64_t end() const { return end_; }

  void print() {
    if (sampler_.joinable()) sampler_.join();
    Histogram quick, slow;
    int64_t total = 0, messages = 0;
    for (const auto& slot : slots_) {
      quick.add(slot.quick);
      slow.add(slot.slow);
      total += slot.total;
      messages += slot.messages;
    }
    const int64_t counted = quick.count() + slow.count() + messages;
    printf(
        "{\"calls\":%ld,\"total_calls\":%ld,\"per_second\":%.1f,\"mb_per_second\":%.2f,"
        "\"client_cpu_us\":%.4f,",
        counted, total, counted / options_.seconds,
        counted / options_.seconds * options_.bytes / 1e6, counted > 0 ? cpu_ / counted : 0);
    print(quick, "");
    if (slow.count() > 0) print(slow, "slow_");
    printf("\"ok\":true}\n");
    fflush(stdout);
  }

 private:
  static void print(const Histogram& histogram, const char* prefix) {
    printf("\"%sp50\":%.2f,\"%sp90\":%.2f,\"%sp99\":%.2f,\"%sp999\":%.2f,\"%smax\":%.2f,", prefix,
           histogram.microseconds(0.5), prefix, histogram.microseconds(0.9), prefix,
           histogram.microseconds(0.99), prefix, histogram.microseconds(0.999), prefix,
           histogram.max_microseconds());
  }

  struct alignas(64) Slot {
    Histogram quick, slow;
    int64_t total = 0, messages = 0, time = 0;
  };

  const Options options_;
  std::vector<Slot> slots_;
  const int64_t warm_, end_, quota_;
  double cpu_ = 0;
  std::thread sampler_;
};

/// The open model: call number k is due at start + k/rate, whether or not others have come back.
class Pace {
 public:
  explicit Pace(const Options& options)
      : start_(now()), interval_(1e9 / options.rate), slow_percent_(options.slow_percent) {}

  int64_t due() const { return start_ + static_cast<int64_t>(next_ * interval_); }
  bool slow() const { return static_cast<int>(next_ % 100) < slow_percent_; }
  void advance() { next_++; }

  /// Calls on their way, at most. Above it calls wait, and their latency still counts from when
  /// they were due.
  static constexpr int kMaxOutstanding = 4000;
  /// How long to wait for room.
  static constexpr int64_t kPause = 50'000;

 private:
  const int64_t start_;
  const double interval_;
  const int slow_percent_;
  int64_t next_ = 0;
};

/// Tells the runner where the server listens.
inline void print_port(int port) {
  printf("port %d\n", port);
  fflush(stdout);
}

/// Returns when the runner closes standard input.
inline void wait_for_end_of_input() {
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
}

inline void print_ready() {
  printf("{\"ready\":true}\n");
  fflush(stdout);
}

}  // namespace bench
