// The floor: frames of a 16-byte header and a body, echoed over one TCP connection by plain system
// calls. No call, no handler, no encoding.
//
// Header: u32 body length, u32 kind (0 echo, 1 "send me that many"), u32 slot, u32 count.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "../common/bench.hpp"

namespace {

struct Header {
  uint32_t length, kind, slot, count;
};

constexpr size_t kRead = 256 * 1024;

void die(const char* what) {
  perror(what);
  exit(1);
}

int tcp_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Bytes that arrived, cut into frames.
class Input {
 public:
  /// Returns false when the peer has closed.
  bool read_some(int fd) {
    if (bytes_.size() - filled_ < kRead) bytes_.resize(filled_ + kRead);
    const ssize_t count = recv(fd, bytes_.data() + filled_, kRead, MSG_DONTWAIT);
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    filled_ += count;
    return true;
  }

  template <typename Body>
  void each_frame(Body body) {
    size_t offset = 0;
    while (filled_ - offset >= sizeof(Header)) {
      Header header;
      memcpy(&header, bytes_.data() + offset, sizeof header);
      const size_t size = sizeof header + header.length;
      if (filled_ - offset < size) break;
      body(header, bytes_.data() + offset, size);
      offset += size;
    }
    memmove(bytes_.data(), bytes_.data() + offset, filled_ - offset);
    filled_ -= offset;
  }

 private:
  std::vector<char> bytes_;
  size_t filled_ = 0;
};

void send_all(int fd, const std::vector<char>& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return;  // the client has left
    if (count > 0) sent += count;
  }
}

void append(std::vector<char>& output, const Header& header) {
  const size_t start = output.size();
  output.resize(start + sizeof header + header.length);
  memcpy(output.data() + start, &header, sizeof header);
}

void stream(int fd, const Header& request) {
  std::vector<char> output;
  for (uint32_t i = 0; i < request.count; i++) {
    append(output, {request.length, 1, request.slot, i + 1});
    if (output.size() >= kRead || i + 1 == request.count) {
      send_all(fd, output);
      output.clear();
    }
  }
}

int serve(const bench::Options& options) {
  const int listener = tcp_socket();
  sockaddr_in address = loopback(options.port);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0) die("bind");
  if (listen(listener, 1024) != 0) die("listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  bench::print_port(ntohs(address.sin_port));
  std::thread([] {
    bench::wait_for_end_of_input();
    _exit(0);
  }).detach();

  const int poller = epoll_create1(0);
  epoll_event event{EPOLLIN, {.fd = listener}};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  std::unordered_map<int, std::unique_ptr<Input>> inputs;
  std::vector<char> output;
  while (true) {
    epoll_event events[64];
    const int count = epoll_wait(poller, events, 64, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        fd = accept(listener, nullptr, nullptr);
        const int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_event added{EPOLLIN, {.fd = fd}};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &added);
        inputs[fd] = std::make_unique<Input>();
        continue;
      }
      auto& input = *inputs[fd];
      if (!input.read_some(fd)) {
        inputs.erase(fd);
        close(fd);
        continue;
      }
      output.clear();
      input.each_frame([&](const Header& header, const char* frame, size_t size) {
        if (header.kind == 1) {
          // The request's count says how many, its slot how large.
          stream(fd, {header.slot, 1, 0, header.count});
        } else {
          output.insert(output.end(), frame, frame + size);
        }
      });
      if (!output.empty()) send_all(fd, output);
    }
  }
}

int connect_to(int port) {
  const int fd = tcp_socket();
  sockaddr_in address = loopback(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("connect");
  return fd;
}

/// One connection that is read and written at the same time, so that neither end can wait for the
/// other for ever.
class Client {
 public:
  explicit Client(int port) : fd_(connect_to(port)) {}

  std::vector<char> output;

  /// Waits for bytes, until `deadline` at most, and sends what is queued.
  template <typename Body>
  void turn(int64_t deadline, Body body) {
    flush();
    pollfd ready{fd_, static_cast<short>(POLLIN | (sent_ == output.size() ? 0 : POLLOUT)), 0};
    const int64_t wait = deadline - bench::now();
    const timespec limit{wait > 0 ? wait / 1'000'000'000 : 0, wait > 0 ? wait % 1'000'000'000 : 0};
    if (ppoll(&ready, 1, &limit, nullptr) > 0 && (ready.revents & ~POLLOUT) != 0) {
      if (!input_.read_some(fd_)) die("the server has closed");
      input_.each_frame(body);
    }
  }

 private:
  void flush() {
    while (sent_ < output.size()) {
      const ssize_t count =
          send(fd_, output.data() + sent_, output.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count <= 0) break;
      sent_ += count;
    }
    // What has left is forgotten when that moves little.
    if (sent_ * 2 >= output.size()) {
      output.erase(output.begin(), output.begin() + sent_);
      sent_ = 0;
    }
  }

  const int fd_;
  size_t sent_ = 0;
  Input input_;
};

void unary(const bench::Options& options, bench::Load& load) {
  Client client(options.port);
  std::vector<int64_t> started(options.in_flight, bench::now());
  int running = options.in_flight;
  const auto call = [&](uint32_t slot) {
    append(client.output, {static_cast<uint32_t>(options.bytes), 0, slot, 0});
  };
  for (int slot = 0; slot < options.in_flight; slot++) call(slot);
  while (running > 0) {
    client.turn(INT64_MAX, [&](const Header& header, const char*, size_t) {
      const int64_t next = load.finished(0, started[header.slot]);
      if (next == 0) {
        running--;
        return;
      }
      started[header.slot] = next;
      call(header.slot);
    });
  }
}

void rate(const bench::Options& options, bench::Load& load) {
  Client client(options.port);
  bench::Pace pace(options);
  std::vector<int64_t> due(bench::Pace::kMaxOutstanding);
  uint32_t sent = 0, finished = 0;
  bool over = false;
  while (true) {
    const int64_t time = bench::now();
    over = over || time >= load.end();
    if (over && finished == sent) return;
    while (!over && pace.due() <= time && sent - finished < bench::Pace::kMaxOutstanding) {
      due[sent % bench::Pace::kMaxOutstanding] = pace.due();
      append(client.output,
             {static_cast<uint32_t>(options.bytes), 0, sent % bench::Pace::kMaxOutstanding, 0});
      pace.advance();
      sent++;
    }
    const bool full = sent - finished == bench::Pace::kMaxOutstanding;
    client.turn(over || full ? INT64_MAX : pace.due(), [&](const Header& header, const char*, size_t) {
      load.finished(0, due[header.slot]);
      finished++;
    });
  }
}

void streams(const bench::Options& options, bench::Load& load) {
  Client client(options.port);
  const uint32_t count = options.stream_messages();
  bool over = false;
  while (!over) {
    append(client.output, {0, 1, static_cast<uint32_t>(options.bytes), count});
    bool ended = false;
    while (!ended) {
      client.turn(INT64_MAX, [&](const Header& header, const char*, size_t) {
        over = !load.received(0) || over;
        ended = header.count == count;
      });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options(argc, argv);
  if (options.server) return serve(options);
  if (options.mode == "idle") {
    for (int i = 0; i < options.connections; i++) connect_to(options.port);
    bench::print_ready();
    bench::wait_for_end_of_input();
    return 0;
  }
  bench::Load load(options, 1);
  if (options.mode == "unary") unary(options, load);
  else if (options.mode == "rate") rate(options, load);
  else if (options.mode == "stream") streams(options, load);
  else bench::Options::fail("no mode " + options.mode);
  load.print();
}
