// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/order_peers.hpp>

#include <tests/sim/order_handlers.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

namespace shoal::test {

using namespace std::chrono_literals;

bool order_peers::dial(const address& server) {
  std::uint16_t port = first_order_port;
  for (order_record& r : records_) {
    r.peer = *machine_->open_stream(AF_INET, {});
    const auto source = *parse_address("10.0.0.2", port++);
    if (machine_->bind_source(r.peer, source.view()) || machine_->connect(r.peer, server.view())) return false;
  }
  const auto connected = [this](const order_record& r) { return socket_of(r).outcome.has_value(); };
  if (!world_.run_until([&] { return std::ranges::all_of(records_, connected); }, 10s)) return false;
  return std::ranges::none_of(records_, [this](const order_record& r) { return bool{*socket_of(r).outcome}; });
}

void order_peers::listen(const address& where) {
  listener_ = *machine_->open_listener(where.view(), {.backlog = 1 << 16, .tcp = {}});
}

std::size_t order_peers::accept() {
  for (std::size_t taken = 0;; ++taken) {
    const auto one = machine_->accept_waiting(listener_);
    if (!one) return taken;
    const auto peer = address::from_sockaddr(one->peer.view().data, one->peer.view().size);
    records_.at(static_cast<std::size_t>(peer->port() - first_order_port)).peer = one->fd;
  }
}

void order_peers::act(order_record& r, order_event event, bool reads_only_now) {
  if (r.peer_reset) return;
  switch (event) {
    case order_event::data:
    case order_event::exception:
    case order_event::suspend:
      r.reads = true;
      // Who reads nothing makes his handler go on by reading.
      if (!reads_only_now || event == order_event::data) send(r, event == order_event::data ? 3 : order_message);
      return;
    case order_event::half_close:
      if (!std::exchange(r.peer_finished, true)) machine_->shutdown_socket(r.peer, shutdown_side::write);
      return;
    case order_event::reset:
      r.peer_reset = true;
      machine_->abort_socket(r.peer);
      return;
    default: return;
  }
}

/// Bytes that tell where they belong.
void order_peers::send(order_record& r, std::size_t bytes) {
  if (r.peer_finished || r.saw_error) return;
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>('0' + (r.sent.size() + i) % 75);
  sim::socket& mine = socket_of(r);
  const iovec piece{text.data(), text.size()};
  if (const auto sent = mine.wire->send(mine.end, {&piece, 1}); sent) r.sent += text.substr(0, *sent);
}

void order_peers::read(order_record& r) {
  if (r.peer < 0 || r.peer_reset) return;
  sim::socket& mine = socket_of(r);
  if (mine.wire == nullptr) return;
  std::array<std::byte, 4096> room;
  while (!r.saw_end && !r.saw_error) {
    const auto count = mine.wire->receive(mine.end, room);
    if (!count) {
      r.saw_error = count.error().value() != EAGAIN;
      return;
    }
    r.saw_end = *count == 0;
    r.got.append(reinterpret_cast<const char*>(room.data()), *count);
  }
}

void order_peers::close_all() {
  for (order_record& r : records_) {
    if (r.peer >= 0) machine_->close_socket(std::exchange(r.peer, -1));
  }
  if (listener_ >= 0) machine_->close_socket(std::exchange(listener_, -1));
}

}  // namespace shoal::test
