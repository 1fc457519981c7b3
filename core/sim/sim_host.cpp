// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/sim/sim_host.hpp>

#include <shoal/core/sim/sim_poller.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace shoal::sim {
namespace {

// The wall clock shows this when the virtual one shows 0: 2020-01-01 00:00:00 UTC.
constexpr std::chrono::seconds wall_start{1'577'836'800};

std::error_code system_error(int value) { return {value, std::system_category()}; }

std::size_t smaller_buffer(const tcp_options& options) {
  const auto bytes = [](std::optional<int> value) { return static_cast<std::size_t>(std::max(value.value_or(0), 0)); };
  const std::size_t receive = bytes(options.receive_buffer_bytes);
  const std::size_t send = bytes(options.send_buffer_bytes);
  return receive == 0 || send == 0 ? std::max(receive, send) : std::min(receive, send);
}

}  // namespace

sim_host::sim_host(environment& in, network& net, conductor& runs, std::uint32_t number)
    : world_(in), network_(net), runs_(runs) {
  station_.number = number;
}

void sim_host::add_address(std::string_view address) {
  const place where = parse_host(address);
  SHOAL_CHECK(!where.host.empty(), "not the address of a host");
  network_.add(where, station_);
  addresses_.push_back(where);
}

void sim_host::jump_wall_time(duration by) {
  wall_offset_ += by;
  world_.note(number(), trace_event::clock_set, static_cast<std::uint64_t>(by.count()));
}

std::chrono::system_clock::time_point sim_host::wall_time() noexcept {
  const duration since = wall_start + now().time_since_epoch() + wall_offset_;
  return std::chrono::system_clock::time_point{std::chrono::duration_cast<std::chrono::system_clock::duration>(since)};
}

std::uint64_t sim_host::random_seed() noexcept {
  const std::uint64_t seed = world_.seeds.bits();
  world_.note(number(), trace_event::seeded, seed);
  return seed;
}

bool sim_host::is_mine(const place& where) const {
  return where.family == AF_UNIX || where.is_any() || where.is_loopback() ||
         std::ranges::any_of(addresses_,
                             [&](const place& own) { return own.family == where.family && own.host == where.host; });
}

result<int> sim_host::open(std::shared_ptr<socket> made) {
  if (fds_.full()) {
    ++world_.faults.out_of_descriptors;
    return fail_errno(EMFILE);
  }
  const int fd = fds_.give(std::move(made));
  world_.note(number(), trace_event::opened, static_cast<std::uint64_t>(fd));
  return fd;
}

result<int> sim_host::open_listener(socket_name_view name, const listen_options& options) {
  if (fds_.full()) return open(nullptr);
  const place where = station_.bound.complete(place_of(name));
  if (!is_mine(where)) return fail_errno(EADDRNOTAVAIL);
  if (const auto error = station_.bound.check(where, options.reuse_port); error) return fail(error);
  auto made = std::make_shared<socket>();
  made->family = where.family;
  made->listening = true;
  made->local = name_of(where);
  made->backlog = static_cast<std::size_t>(std::max(options.backlog, 0));
  made->shares_port = options.reuse_port;
  made->buffer_limit = smaller_buffer(options.tcp);
  station_.bound.add(where, made);
  return open(std::move(made));
}

std::error_code sim_host::probe_bind(socket_name_view name, bool) {
  const place where = place_of(name);
  if (!is_mine(where)) return system_error(EADDRNOTAVAIL);
  return where.port == 0 && where.family != AF_UNIX ? std::error_code{} : station_.bound.check(where, false);
}

result<int> sim_host::open_stream(int family, const tcp_options& options) {
  auto made = std::make_shared<socket>();
  made->family = family;
  made->local = name_of({family, family == AF_UNIX ? "" : std::string(family == AF_INET ? 4 : 16, '\0'), 0});
  made->buffer_limit = smaller_buffer(options);
  return open(std::move(made));
}

std::error_code sim_host::bind_source(int fd, socket_name_view name) {
  const place where = place_of(name);
  if (!is_mine(where)) return system_error(EADDRNOTAVAIL);
  at(fd)->local = name_of(where);
  return {};
}

std::error_code sim_host::set_options(int fd, const tcp_options& options) {
  if (const auto limit = smaller_buffer(options); limit != 0) at(fd)->buffer_limit = limit;
  return {};
}

result<socket_name> sim_host::adopt_listener(int fd) {
  if (!at(fd)->listening) return fail(errc::invalid_argument);
  return at(fd)->local;
}

result<socket_name> sim_host::adopt_stream(int fd) { return peer_name(fd); }

result<socket_name> sim_host::local_name(int fd) { return at(fd)->local; }

result<socket_name> sim_host::peer_name(int fd) {
  const socket& s = *at(fd);
  if (s.wire == nullptr) return fail_errno(ENOTCONN);
  return s.peer;
}

void sim_host::shutdown_socket(int fd, shutdown_side which) noexcept {
  socket& s = *at(fd);
  if (s.wire == nullptr) return;
  which == shutdown_side::write ? s.wire->finish(s.end) : s.wire->shut(s.end);
}

void sim_host::abort_socket(int fd) noexcept {
  socket& s = *at(fd);
  if (s.wire != nullptr) s.wire->abort(s.end);
}

void sim_host::close_socket(int fd) noexcept {
  const auto closed = fds_.take(fd);
  SHOAL_CHECK(closed->watcher == nullptr, "a descriptor was closed while a poller watches it");
  world_.note(number(), trace_event::closed, static_cast<std::uint64_t>(fd));
  closed->open = false;
  if (closed->wire != nullptr) closed->wire->close(closed->end);
  if (!closed->listening) return;
  station_.bound.remove(*closed);
  network_.refuse_all(*closed);
}

bool sim_host::is_stale_unix_socket(socket_name_view name) noexcept {
  return name.family() == AF_UNIX && station_.bound.is_stale(place_of(name));
}

void sim_host::remove_unix_socket(socket_name_view name) noexcept {
  if (name.family() == AF_UNIX) station_.bound.remove_path(place_of(name));
}

result<std::unique_ptr<poller>> sim_host::make_poller(poller_kind kind) {
  if (kind != poller_kind::automatic && kind != poller_kind::simulated) return fail(errc::not_supported);
  return std::make_unique<sim_poller>(*this);
}

std::unique_ptr<resolver> sim_host::make_resolver(shard& here) {
  return std::make_unique<scripted_resolver>(here, names_);
}

void sim_host::adopt(stepped_loop& loop, poller& io) {
  // Every poller of this host is one of ours.
  runs_.adopt(static_cast<sim_poller&>(io).place_in_turns(), loop);
}

void sim_host::burn(poller& io, duration cpu_time) noexcept {
  static_cast<sim_poller&>(io).place_in_turns()->work += cpu_time;
}

void sim_host::step_until(const callback<bool()>& condition) {
  const bool done = runs_.run_until(condition, never);
  SHOAL_CHECK(done, "a simulated runtime waits for its end, and nothing will happen any more: who stops it?");
}

// ---- for the pollers ----

/// The address that this host has on the way there.
place sim_host::source_for(const place& to) const {
  if (to.is_loopback() || to.is_any()) return {to.family, to.host, 0};
  const auto own = std::ranges::find(addresses_, to.family, &place::family);
  return own != addresses_.end() ? *own : place{to.family, to.host, 0};
}

std::error_code sim_host::connect(int fd, socket_name_view to) {
  const auto& dialler = at(fd);
  SHOAL_ASSERT(dialler->wire == nullptr && !dialler->connecting);
  const place target = place_of(to);
  if (target.family != AF_UNIX) {
    place from = place_of(dialler->local.view());
    if (from.is_any()) from.host = source_for(target).host;
    if (from.port == 0) from = station_.bound.complete(from);
    dialler->local = name_of(from);
  }
  world_.note(number(), trace_event::dialled, static_cast<std::uint64_t>(fd));
  return network_.connect(station_, dialler, target);
}

result<accepted_socket> sim_host::accept_waiting(int listening_fd) {
  socket& listener = *at(listening_fd);
  if (listener.queue.empty()) return fail_errno(EAGAIN);
  const auto failed = [&](int error) {
    world_.note(number(), trace_event::accept_failed, static_cast<std::uint64_t>(listening_fd),
                static_cast<std::uint64_t>(error));
    return fail_errno(error);
  };
  if (fds_.full()) {
    ++world_.faults.out_of_descriptors;
    return failed(EMFILE);
  }
  const bool local = listener.family == AF_UNIX;
  if (!local && world_.sockets.happens(world_.profile.failed_accept)) {
    ++world_.faults.failed_accepts;
    return failed(ENFILE);
  }
  arrival first = std::move(listener.queue.front());
  listener.queue.pop_front();
  if (!local && world_.sockets.happens(world_.profile.aborted_accept)) {
    ++world_.faults.aborted_accepts;
    first.wire->abort(side::acceptor);
    first.wire->close(side::acceptor);
    return failed(ECONNABORTED);
  }
  auto made = std::make_shared<socket>();
  made->family = listener.family;
  made->local = first.local;
  made->peer = first.peer;
  made->wire = std::move(first.wire);
  made->end = side::acceptor;
  const int fd = fds_.give(std::move(made));
  world_.note(number(), trace_event::accepted, static_cast<std::uint64_t>(listening_fd),
              static_cast<std::uint64_t>(fd));
  return accepted_socket{fd, first.peer};
}

}  // namespace shoal::sim
