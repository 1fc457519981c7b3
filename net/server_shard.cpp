// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/server_shard.hpp>

#include <shoal/core/frame_memory.hpp>
#include <shoal/core/log_format.hpp>
#include <shoal/net/balancer/rebalancer.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/server.hpp>

#include <algorithm>
#include <utility>

namespace shoal {
namespace {

// How often a full server looks whether connections ended on other shards.
constexpr duration look_for_room = std::chrono::milliseconds{10};
constexpr duration full_report_interval = std::chrono::seconds{10};

}  // namespace

/// A connection on its way to the shard that will serve it.
struct server_shard::handover final : message {
  handover(server& s, int accepted_fd, const address& from) noexcept
      : message(&arrive, &release), target(s), fd(accepted_fd), peer(from) {}

  static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
  static void operator delete(void* node, std::size_t bytes) noexcept { detail::free_frame(node, bytes); }

  static void arrive(message& m) {
    auto& self = static_cast<handover&>(m);
    shard& here = shard::current();
    self.target.shards_[here.id()]->adopt(self.fd, self.peer);
    here.mail().reply(m);
  }
  static void release(message& m) { const std::unique_ptr<handover> done{static_cast<handover*>(&m)}; }

  server& target;
  int fd;
  address peer;
};

/// stop() waits here until the last connection and listener are gone.
struct server_shard::stop_wait : resume_item {
  explicit stop_wait(server_shard& s) noexcept : owner(s) {}
  [[nodiscard]] bool await_ready() const noexcept { return owner.is_empty(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    waiting = handle;
    owner.stop_waits_.push_back(*this);
  }
  void await_resume() const noexcept {}
  server_shard& owner;
};

server_shard::server_shard(server& owner, shard& here)
    : server_(owner),
      shard_(here),
      balancer_(owner.options_.distribution, here, owner.open_on_),
      limit_tick_(*this, [](timer& t) noexcept { static_cast<tick&>(t).owner.use_room(); }),
      deadline_tick_(*this, [](timer& t) noexcept { static_cast<tick&>(t).owner.hurry(); }),
      limit_gate_(full_report_interval) {
  renew();
}

void server_shard::renew() {
  auto profile = make_profile();
  profile->name = server_.options_.name;
  profile->hooks = server_.hooks_;
  profile->options = server_.options_.connections;
  profile_ = profile;
}

void server_shard::take_no_more() {
  if (stopping_) return;
  if (server_.options_.rebalance != rebalance_mode::off) shard_.local<rebalancer>().leave();
  stopping_ = true;
  shard_.timers().cancel(limit_tick_);
  for (const arrival& one : held_) shard_.machine().close_socket(one.fd);
  held_.clear();
  for (const auto& l : listeners_) {
    l->on_closed = [this] { listener_closed(); };
    l->stop();
  }
  for_own([](connection& c) { c.begin_shutdown(); });
}

void server_shard::stop_accepting() {
  for (const auto& l : listeners_) {
    l->on_closed = [this] { listener_closed(); };
    l->stop();
  }
  listener_closed();  // if there is none
}

bool server_shard::accepts_nothing() const noexcept {
  return std::ranges::all_of(listeners_, [](const auto& l) { return l->is_closed(); });
}

void server_shard::listener_closed() {
  wake_if_empty();
  if (accepts_nothing() && !std::exchange(told_closed_, true)) server_.shard_accepts_nothing();
}

void server_shard::start(const std::vector<listening_socket>& sockets) {
  if (server_.options_.rebalance != rebalance_mode::off) shard_.local<rebalancer>().join();
  for (const listening_socket& one : sockets) {
    auto take = [this, hands_on = one.hands_on](int fd, const address& peer) { admit(fd, peer, hands_on); };
    listeners_.push_back(std::make_unique<listener>(shard_, one.fd, profile_->name, std::move(take)));
    if (const auto error = listeners_.back()->start(); error) {
      log_error(shard_.log(), "{} shard={}: watching a listening socket: {}", profile_->name, shard_.id(), error);
    }
  }
}

bool server_shard::take_place() noexcept {
  if (server_.open_.fetch_add(1, std::memory_order_relaxed) < server_.max_connections_.load(std::memory_order_relaxed))
    return true;
  server_.open_.fetch_sub(1, std::memory_order_relaxed);  // not the last one: others have its places
  return false;
}

void server_shard::admit(int fd, const address& peer, bool hands_on) {
  if (held_.empty() && take_place()) return place(fd, peer, hands_on);
  if (stopping_) return shard_.machine().close_socket(fd);  // full, and there will be no room
  held_.push_back({fd, peer, hands_on});
  for (const auto& l : listeners_) l->pause();
  shard_.timers().arm(limit_tick_, shard_.now() + look_for_room);
  if (limit_gate_.pass(shard_.now())) {
    log_warning(shard_.log(), "{} shard={}: max_connections {} reached; accepting pauses", profile_->name, shard_.id(),
                server_.max_connections_.load(std::memory_order_relaxed));
  }
}

/// Connections ended: serve who was held, then accept again.
void server_shard::use_room() {
  if (stopping_) return;
  std::size_t served = 0;
  while (served < held_.size() && take_place()) {
    const arrival& one = held_[served];
    place(one.fd, one.peer, one.hands_on);
    ++served;
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(served));
  if (held_.empty()) {
    for (const auto& l : listeners_) l->resume();
  } else {
    shard_.timers().arm(limit_tick_, shard_.now() + look_for_room);
  }
}

void server_shard::place(int fd, const address& peer, bool hands_on) {
  // Others may have stopped already.
  const shard_id target = hands_on && !stopping_ ? balancer_.choose(peer) : shard_.id();
  server_.open_on_.opened(target);
  if (target != shard_.id()) {
    auto m = std::make_unique<handover>(server_, fd, peer);
    if (shard_.mail().try_send(target, *m)) {
      static_cast<void>(m.release());  // comes back through handover::release
      return;
    }
    // The lane is full (counted there): better served here than not.
    server_.open_on_.moved(target, shard_.id());
  }
  adopt(fd, peer);
}

/// One that counted here, and in the server.
void server_shard::give_place_back() noexcept {
  server_.open_on_.closed(shard_.id());
  server_.gave_place_back();
}

void server_shard::adopt(int fd, const address& peer) {
  if (over_) {
    shard_.machine().close_socket(fd);
    give_place_back();
    return;
  }
  auto made = shard_.local<connection_table>().create(fd, profile_, this, peer);
  if (!made) {
    give_place_back();
    log_warning(shard_.log(), "{} shard={}: {} refused: {}", profile_->name, shard_.id(), peer, made.error());
    return;
  }
  ++open_;
  ++served_;
  (*made)->start_accepted();
  if (stopping_) (*made)->begin_shutdown();
}

void server_shard::on_connection_gone(connection&) noexcept {
  --open_;
  give_place_back();
  if (!held_.empty()) use_room();
  wake_if_empty();
}

connection_observer* server_shard::successor(shard& there) const noexcept { return server_.shards_[there.id()].get(); }

rebalance_mode server_shard::rebalances() const noexcept {
  return stopping_ ? rebalance_mode::off : server_.options_.rebalance;
}

/// Not before it has arrived: until then it counts here.
void server_shard::on_connection_left(connection&) noexcept {
  --open_;
  server_.open_on_.closed(shard_.id());
  wake_if_empty();
}

void server_shard::on_connection_arrived(connection& c) noexcept {
  ++open_;
  server_.open_on_.opened(shard_.id());
  if (over_) return c.close(close_how::reset, make_error_code(errc::stopped));
  if (stopping_) c.begin_shutdown();
}

bool server_shard::is_empty() const noexcept { return open_ == 0 && accepts_nothing(); }

void server_shard::wake_if_empty() noexcept {
  if (!is_empty()) return;
  while (!stop_waits_.empty()) {
    run_item& first = stop_waits_.front();
    stop_waits_.pop_front();
    shard_.schedule(first);
  }
}

task<> server_shard::stop(instant deadline) {
  take_no_more();
  // The sooner of two deadlines counts.
  if (!deadline_tick_.armed() || deadline < deadline_tick_.fires_at()) shard_.timers().arm(deadline_tick_, deadline);
  stop_wait empty{*this};
  co_await empty;
  over_ = true;
  shard_.timers().cancel(deadline_tick_);
}

task<> server_shard::end(instant deadline) {
  auto last = stop(deadline);
  co_await last;
  co_await shutdowns_.join();
}

task<> server_shard::shut_down_and_tell(instant deadline, std::function<void()> done) {
  auto all = stop(deadline);
  co_await all;
  done();
}

void server_shard::shut_down(instant deadline, std::function<void()> done) {
  shutdowns_.spawn(shut_down_and_tell(deadline, std::move(done)));
}

void server_shard::hurry() {
  over_ = true;
  if (open_ != 0) log_info(shard_.log(), "{} shard={}: closing {} connections now", profile_->name, shard_.id(), open_);
  for_own([](connection& c) { c.close(close_how::reset, make_error_code(errc::stopped)); });
  // Handlers of ours may wait for a dial; an endpoint that does not answer must not hold the stop.
  shard_.local<connection_table>().for_each([](connection& c) {
    if (c.phase_ == connection::phase::connecting) c.close(close_how::reset, make_error_code(errc::stopped));
  });
}

void server_shard::for_own(void (*action)(connection&)) {
  shard_.local<connection_table>().for_each([&](connection& c) {
    if (c.observer_ == this) action(c);
  });
}

}  // namespace shoal
