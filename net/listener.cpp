// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/listener.hpp>

#include <shoal/core/log_format.hpp>

#include <algorithm>

namespace shoal {

listener::rest_timer::rest_timer(listener& l) noexcept
    : timer([](timer& t) noexcept {
        listener& resting = static_cast<rest_timer&>(t).owner;
        if (!resting.paused_ && !resting.stopping_) resting.shard_.io().accept(resting, true);
      }),
      owner(l) {}

listener::listener(shard& here, int fd, std::string name, sink accepted_one)
    : fd_operator(fd), shard_(here), name_(std::move(name)), sink_(std::move(accepted_one)) {
  arrivals_.reserve(accept_budget);
}

listener::~listener() { SHOAL_CHECK(closed_, "a listener was destroyed before it was stopped"); }

std::error_code listener::start() {
  if (const auto error = shard_.io().attach(*this); error) return error;
  shard_.io().accept(*this, true);
  return {};
}

void listener::pause() {
  if (paused_) return;
  paused_ = true;
  shard_.io().accept(*this, false);
}

void listener::resume() {
  if (!paused_) return;
  paused_ = false;
  if (!stopping_ && !timer_.armed()) shard_.io().accept(*this, true);
}

void listener::stop() {
  if (stopping_) return;
  stopping_ = true;
  shard_.timers().cancel(timer_);
  shard_.io().retire(*this);
}

/// Bounded: clients that come faster than this find a closed port.
void listener::accept_the_rest() {
  constexpr int longest_queue = 65'535;  // the kernel's for SOMAXCONN
  for (int i = 0; i < longest_queue; ++i) {
    const auto one = shard_.machine().accept_waiting(fd());
    if (!one) return;
    note_arrival(one->fd, one->peer.view());
  }
}

void listener::note_arrival(int accepted_fd, socket_name_view peer) {
  auto from = address::from_sockaddr(peer.data, peer.size);
  arrivals_.push_back({accepted_fd, from ? *from : address{}});
}

void listener::accepted(int accepted_fd, socket_name_view peer) {
  rest_ = accept_rest_min;
  note_arrival(accepted_fd, peer);
  shard_.schedule_delivery(*this);
}

void listener::accept_failed(std::error_code reason) {
  log_warning(shard_.log(), "{} shard={}: accept: {}; trying again in {} ms", name_, shard_.id(), reason.message(),
              std::chrono::duration_cast<std::chrono::milliseconds>(rest_).count());
  shard_.timers().arm(timer_, shard_.now() + rest_);
  rest_ = std::min(rest_ * 2, accept_rest_max);
}

void listener::hung_up(std::error_code) {}

void listener::retired() {
  retired_ = true;
  shard_.schedule_delivery(*this);
}

void listener::deliver() {
  if (retired_ && !closed_) accept_the_rest();
  std::vector<arrival> batch;
  batch.swap(arrivals_);
  for (const arrival& one : batch) sink_(one.fd, one.peer);
  batch.clear();
  if (arrivals_.empty()) arrivals_.swap(batch);  // keep the room
  if (!retired_ || closed_) return;
  closed_ = true;
  shard_.machine().close_socket(fd());
  set_fd(-1);
  if (on_closed) on_closed();
}

}  // namespace shoal
