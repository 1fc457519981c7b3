// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/network.hpp>

#include <shoal/buffers/check.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace shoal::sim {
namespace {

// Linux: tcp_syn_retries is 6, the first after a second, each twice as late: 127 s in all.
constexpr unsigned syn_retries = 6;
constexpr duration first_retry = std::chrono::seconds{1};

void refuse(link& wire) {
  wire.abort(side::acceptor);
  wire.close(side::acceptor);
}

}  // namespace

void network::add(const place& at, station& host) {
  const bool is_new = stations_.emplace(at, &host).second;
  SHOAL_CHECK(is_new, "two hosts with one address");
}

station* network::find(station& from, const place& to) const {
  if (to.family == AF_UNIX || to.is_loopback() || to.is_any()) return &from;
  const auto found = stations_.find({to.family, to.host, 0});
  return found == stations_.end() ? nullptr : found->second;
}

std::error_code network::connect(station& from, const std::shared_ptr<socket>& dialler, const place& to) {
  attempt a{&from, dialler, to, world_.wire.in(world_.profile.latency)};
  dialler->connecting = true;
  dialler->peer = name_of(to);
  if (to.family != AF_UNIX) {
    send_syn(std::move(a));
    return {};
  }
  // Unix sockets: no network, and no waiting for a place in the queue.
  const auto listener = choose(from, to);
  if (listener == nullptr) return {ECONNREFUSED, std::system_category()};
  if (listener->queue.size() > listener->backlog) return {EAGAIN, std::system_category()};
  connect_to(a, from, listener);
  return {};
}

void network::send_syn(attempt a) {
  if (world_.wire.happens(world_.profile.lost_syn)) {
    ++world_.faults.lost_syns;
    world_.note(a.from->number, trace_event::syn_lost, static_cast<std::uint64_t>(a.dialler->fd));
    return try_again(std::move(a));
  }
  const duration travel = a.latency;
  world_.time.after(travel, [this, a = std::move(a)] { syn_arrives(a); });
}

void network::try_again(attempt a) {
  const duration wait = first_retry * (1U << a.tries);
  const bool last = a.tries++ == syn_retries;
  world_.time.after(wait, [this, last, a = std::move(a)] {
    if (!a.dialler->open) return;
    if (last) return answer(a, {ETIMEDOUT, std::system_category()});
    send_syn(a);
  });
}

/// Of several listeners on one port, any.
std::shared_ptr<socket> network::choose(const station& at, const place& to) {
  const auto all = at.bound.find(to);
  if (all.empty()) return nullptr;
  return all[static_cast<std::size_t>(world_.wire.below(all.size()))];
}

void network::syn_arrives(attempt a) {
  if (!a.dialler->open) return;
  station* const at = find(*a.from, a.to);
  if (at == nullptr) return try_again(std::move(a));  // nobody there: no answer
  const auto listener = choose(*at, a.to);
  if (listener == nullptr) {
    ++world_.faults.refused;
    const duration travel = a.latency;
    world_.time.after(travel, [this, a = std::move(a)] { answer(a, {ECONNREFUSED, std::system_category()}); });
    return;
  }
  if (listener->queue.size() + listener->half_open > listener->backlog) return try_again(std::move(a));
  connect_to(a, *at, listener);
}

void network::answer(const attempt& a, std::error_code outcome) {
  socket& dialler = *a.dialler;
  if (!dialler.open) return;
  dialler.connecting = false;
  dialler.outcome = outcome;
  world_.note(a.from->number, trace_event::connected, static_cast<std::uint64_t>(dialler.fd),
              static_cast<std::uint64_t>(outcome.value()));
  dialler.changed();
}

void network::connect_to(const attempt& a, const station& at, const std::shared_ptr<socket>& listener) {
  const bool local = a.to.family == AF_UNIX;
  const auto wire =
      std::make_shared<link>(world_, link_options{local, a.dialler->buffer_limit, listener->buffer_limit});
  wire->set_host(side::dialler, a.from->number);
  wire->set_host(side::acceptor, at.number);
  const instant answered = world_.time.now() + wire->latency();
  const instant queued = answered + wire->latency();
  wire->open_at(side::dialler, answered);
  wire->open_at(side::acceptor, queued);
  ++listener->half_open;
  world_.time.at(answered, [this, a, wire] {
    if (!a.dialler->open) return wire->close(side::dialler);
    a.dialler->wire = wire;
    a.dialler->end = side::dialler;
    if (a.dialler->watcher != nullptr) a.dialler->watch(a.dialler->watcher);
    answer(a, {});
  });
  world_.time.at(queued, [wire, listener, to = name_of(a.to), from = a.dialler->local] {
    --listener->half_open;
    if (!listener->open) return refuse(*wire);
    listener->queue.push_back({wire, to, from});
    listener->changed();
  });
}

void network::refuse_all(socket& listener) {
  for (const arrival& waiting : std::exchange(listener.queue, {})) {
    refuse(*waiting.wire);
  }
}

}  // namespace shoal::sim
