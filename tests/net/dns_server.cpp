// SPDX-License-Identifier: Apache-2.0
#include <tests/net/dns_server.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace shoal::test {
namespace {

using bytes = std::vector<std::uint8_t>;

constexpr std::size_t header_bytes = 12;

void put16(bytes& to, unsigned value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8U));
  to.push_back(static_cast<std::uint8_t>(value));
}

void put32(bytes& to, std::uint32_t value) {
  put16(to, value >> 16U);
  put16(to, value & 0xffffU);
}

void put_name(bytes& to, std::string_view name) {
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    to.push_back(static_cast<std::uint8_t>(label.size()));
    to.insert(to.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  to.push_back(0);
}

/// Name and type of the question, and where it ends.
struct question {
  std::string name;
  int type = 0;
  std::size_t end = 0;
};

question parse(const bytes& packet) {
  question found;
  std::size_t at = header_bytes;
  while (at < packet.size() && packet[at] != 0) {
    if (!found.name.empty()) found.name += '.';
    const std::size_t length = packet[at];
    if (at + 1 + length >= packet.size()) return found;
    found.name.append(packet.begin() + static_cast<std::ptrdiff_t>(at + 1),
                      packet.begin() + static_cast<std::ptrdiff_t>(at + 1 + length));
    at += length + 1;
  }
  if (at + 4 < packet.size()) found.type = (packet[at + 1] << 8) | packet[at + 2];
  found.end = std::min(at + 5, packet.size());
  return found;
}

void put_record(bytes& to, unsigned owner_at, int type, std::uint32_t ttl, const bytes& data) {
  put16(to, 0xc000U | owner_at);
  put16(to, static_cast<unsigned>(type));
  put16(to, 1);
  put32(to, ttl);
  put16(to, static_cast<unsigned>(data.size()));
  to.insert(to.end(), data.begin(), data.end());
}

int bound(int type, std::uint16_t port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(port);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

dns_server::dns_server() {
  // A number that is free for both.
  for (int i = 0; i < 100 && tcp_ < 0; ++i) {
    if (udp_ >= 0) ::close(udp_);
    udp_ = bound(SOCK_DGRAM, 0);
    sockaddr_in name{};
    socklen_t size = sizeof(name);
    ::getsockname(udp_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
    tcp_ = bound(SOCK_STREAM, port_);
  }
  if (tcp_ < 0 || ::listen(tcp_, 16) != 0) throw std::runtime_error("no port for a name server");
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { run(); });
}

dns_server::~dns_server() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_, &one, sizeof(one)));
  thread_.join();
  for (const int fd : {udp_, tcp_, stop_}) ::close(fd);
}

void dns_server::set(std::string_view name, int type, dns_reply reply) {
  const std::scoped_lock lock(mutex_);
  replies_.insert_or_assign(key{name, type}, std::move(reply));
}

int dns_server::times_asked(std::string_view name, int type) const {
  const std::scoped_lock lock(mutex_);
  const auto found = asked_.find(key{name, type});
  return found != asked_.end() ? found->second : 0;
}

int dns_server::times_asked_by_tcp() const {
  const std::scoped_lock lock(mutex_);
  return asked_by_tcp_;
}

void dns_server::run() {
  for (;;) {
    std::array<pollfd, 3> all{{{stop_, POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}}};
    ::poll(all.data(), all.size(), patience_ms());
    if (all[0].revents != 0) return;
    if (all[1].revents != 0) answer_udp();
    if (all[2].revents != 0) answer_tcp();
    send_due();
  }
}

int dns_server::patience_ms() const {
  if (late_.empty()) return -1;
  const auto first = std::ranges::min_element(late_, {}, &late_reply::when)->when;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void dns_server::send_due() {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(late_, [&](const late_reply& l) {
    if (l.when > now) return false;
    ::sendto(udp_, l.bytes.data(), l.bytes.size(), 0, reinterpret_cast<const sockaddr*>(l.peer.data()),
             static_cast<socklen_t>(l.peer.size()));
    return true;
  });
}

void dns_server::answer_udp() {
  bytes packet(4096);
  bytes peer(sizeof(sockaddr_in));
  socklen_t size = sizeof(sockaddr_in);
  const auto count = ::recvfrom(udp_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(peer.data()), &size);
  if (count < 0) return;
  packet.resize(static_cast<std::size_t>(count));
  auto [reply, answer] = reply_to(packet, true);
  if (!reply.silent) late_.push_back({std::chrono::steady_clock::now() + reply.delay, std::move(answer), peer});
}

/// One question per connection, all of it at once: enough for a resolver on the same machine.
void dns_server::answer_tcp() {
  const int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  std::array<std::uint8_t, 2> length{};
  if (::recv(fd, length.data(), 2, MSG_WAITALL) == 2) {
    bytes packet(static_cast<std::size_t>(length[0] << 8 | length[1]));
    if (::recv(fd, packet.data(), packet.size(), MSG_WAITALL) == static_cast<ssize_t>(packet.size())) {
      auto [reply, answer] = reply_to(packet, false);
      bytes framed;
      put16(framed, static_cast<unsigned>(answer.size()));
      framed.insert(framed.end(), answer.begin(), answer.end());
      if (!reply.silent) ::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
    }
  }
  ::close(fd);
}

std::pair<dns_reply, bytes> dns_server::reply_to(const bytes& packet, bool udp) {
  const question asked = parse(packet);
  dns_reply reply{.code = 3};
  {
    const std::scoped_lock lock(mutex_);
    ++asked_[key{asked.name, asked.type}];
    if (!udp) ++asked_by_tcp_;
    const auto found = replies_.find(key{asked.name, asked.type});
    if (found != replies_.end()) reply = found->second;
  }
  const bool cut = udp && reply.too_large_for_udp;
  bytes answer{packet[0], packet[1]};
  put16(answer, 0x8180U | (cut ? 0x0200U : 0U) | static_cast<unsigned>(reply.code));
  put16(answer, 1);
  put16(answer, cut ? 0 : static_cast<unsigned>(reply.addresses.size() + (reply.alias.empty() ? 0 : 1)));
  put32(answer, 0);
  answer.insert(answer.end(), packet.begin() + header_bytes, packet.begin() + static_cast<std::ptrdiff_t>(asked.end));
  if (cut) return {reply, answer};
  unsigned owner = header_bytes;
  if (!reply.alias.empty()) {
    bytes target;
    put_name(target, reply.alias);
    put_record(answer, owner, 5, reply.alias_ttl, target);
    owner = static_cast<unsigned>(answer.size() - target.size());
  }
  for (const auto& text : reply.addresses) {
    bytes data(asked.type == a ? 4 : 16);
    ::inet_pton(asked.type == a ? AF_INET : AF_INET6, text.c_str(), data.data());
    put_record(answer, owner, asked.type, reply.ttl, data);
  }
  return {reply, answer};
}

}  // namespace shoal::test
