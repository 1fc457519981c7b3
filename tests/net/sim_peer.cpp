// SPDX-License-Identifier: Apache-2.0
// peer.hpp on simulated sockets: the same calls, which let the world go on where the real ones block.
#include <tests/net/pattern.hpp>
#include <tests/net/peer.hpp>
#include <tests/net/sim_stage.hpp>

#include <algorithm>
#include <cerrno>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

namespace shoal::test {
namespace {

/// Far more than a connection needs to be accepted.
constexpr duration settling = std::chrono::milliseconds{5};

/// Peers know their descriptor only; while it is open, the world stays.
std::map<int, std::shared_ptr<sim::sim_host>>& open_peers() {
  static std::map<int, std::shared_ptr<sim::sim_host>> all;
  return all;
}

int keep(std::shared_ptr<sim::sim_host> machine, int fd) {
  open_peers()[fd] = std::move(machine);
  return fd;
}

sim::socket& socket_of(int fd) { return *open_peers().at(fd)->at(fd); }

}  // namespace

peer::peer(const address& target, wire on, int receive_buffer) : masked_(on == wire::filtered) {
  auto machine = sim_stage_host();
  tcp_options options;
  if (receive_buffer != 0) options.receive_buffer_bytes = receive_buffer;
  fd_ = keep(machine, *machine->open_stream(target.family(), options));
  sim::socket& mine = socket_of(fd_);
  if (const auto error = machine->connect(fd_, target.view()); error) {
    error_ = error.value();
  } else if (!stage_advance([&] { return mine.outcome.has_value(); })) {
    error_ = ETIMEDOUT;
  } else {
    error_ = mine.outcome->value();
    // As on a real loopback: whoever looks at the server after connect() finds the connection there.
    sim_stage_pass(settling);
  }
}

bool peer::send(std::string_view text) {
  std::string encoded{text};
  if (masked_) {
    const auto bytes = std::as_writable_bytes(std::span{encoded});
    out_.apply(bytes, bytes.data());
  }
  sim::socket& mine = socket_of(fd_);
  for (std::size_t at = 0; at < encoded.size();) {
    const iovec piece{encoded.data() + at, encoded.size() - at};
    const auto sent = mine.wire->send(mine.end, {&piece, 1});
    if (sent) {
      at += *sent;
    } else if (sent.error().value() != EAGAIN || !stage_advance([&] { return mine.wire->writable(mine.end); })) {
      error_ = sent.error().value();
      return false;
    }
  }
  return true;
}

std::string peer::receive(std::size_t n) {
  std::string got;
  std::vector<std::byte> room(std::size_t{64} << 10);
  sim::socket& mine = socket_of(fd_);
  while (got.size() < n && !ended_) {
    const auto count = mine.wire->receive(mine.end, std::span{room}.first(std::min(room.size(), n - got.size())));
    if (count && *count != 0) {
      got.append(reinterpret_cast<const char*>(room.data()), *count);
    } else if (count) {
      ended_ = true;
    } else if (count.error().value() != EAGAIN) {
      ended_ = true;
      error_ = count.error().value();
    } else if (!stage_advance([&] { return mine.wire->readable(mine.end); })) {
      ended_ = true;
      error_ = ETIMEDOUT;
    }
  }
  if (masked_) {
    const auto bytes = std::as_writable_bytes(std::span{got});
    in_.apply(bytes, bytes.data());
  }
  return got;
}

void peer::finish_writing() { open_peers().at(fd_)->shutdown_socket(fd_, shutdown_side::write); }

void peer::reset() {
  open_peers().at(fd_)->abort_socket(fd_);
  close();
}

void peer::close() {
  if (fd_ < 0) return;
  const int fd = std::exchange(fd_, -1);
  const auto machine = std::move(open_peers().extract(fd).mapped());
  machine->close_socket(fd);
}

listening_peer::listening_peer(const std::string& where, int backlog) {
  const auto wanted = parse_address(where);
  if (!wanted) throw std::invalid_argument(where);
  auto machine = sim_stage_host();
  const auto fd = machine->open_listener(wanted->view(), {.backlog = backlog, .tcp = {}});
  if (!fd) throw std::system_error(fd.error(), where);
  fd_ = keep(machine, *fd);
  const auto name = *machine->local_name(fd_);
  where_ = *address::from_sockaddr(name.view().data, name.view().size);
}

listening_peer::~listening_peer() { close(); }

void listening_peer::close() {
  if (fd_ < 0) return;
  const int fd = std::exchange(fd_, -1);
  const auto machine = std::move(open_peers().extract(fd).mapped());
  machine->close_socket(fd);
  machine->remove_unix_socket(where_.view());
}

peer listening_peer::accept(wire on) {
  const auto machine = open_peers().at(fd_);
  const sim::socket& mine = socket_of(fd_);
  static_cast<void>(stage_advance([&] { return !mine.queue.empty(); }));
  const auto taken = machine->accept_waiting(fd_);
  return {taken ? keep(machine, taken->fd) : -1, on};
}

}  // namespace shoal::test
