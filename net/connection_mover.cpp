// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/connection_mover.hpp>

#include <shoal/core/frame_memory.hpp>
#include <shoal/core/log_format.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/packed_connection.hpp>
#include <shoal/net/relay.hpp>

#include <array>
#include <memory>
#include <span>
#include <utility>

namespace shoal {
namespace {

/// Waits for its place in a full lane, in order.
class patient_message : public message {
 public:
  /// Ends *this, sooner or later.
  void post() {
    mailbox& mail = shard::current().mail();
    if (!mail.try_send(to_, *this)) mail.wait_for_room(to_, again_);
  }

 protected:
  patient_message(function on_receiver, function on_return, shard_id to) noexcept
      : message(on_receiver, on_return), to_(to) {}
  ~patient_message() = default;

 private:
  struct lane_wait final : run_item {
    explicit lane_wait(patient_message& m) noexcept
        : run_item([](run_item& item) { static_cast<lane_wait&>(item).owner.post(); }), owner(m) {}
    patient_message& owner;
  };

  const shard_id to_;
  lane_wait again_{*this};
};

}  // namespace

/// News between home and the shard that has the connection. Frees itself when it is back.
class connection_mover::note final : public patient_message {
 public:
  note(news what, connection_id id, shard_id to) noexcept
      : patient_message(&arrive, &come_back, to), what_(what), id_(id) {}
  static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
  static void operator delete(void* node, std::size_t bytes) noexcept { detail::free_frame(node, bytes); }

 private:
  static void arrive(message& m) {
    const auto& self = static_cast<note&>(m);
    take(self.what_, self.id_, self.sender);
    shard::current().mail().reply(m);
  }
  static void come_back(message& m) { const std::unique_ptr<note> done{static_cast<note*>(&m)}; }

  const news what_;
  const connection_id id_;
};

/// The connection itself, or a pair of them.
class connection_mover::parcel final : public patient_message {
 public:
  explicit parcel(shard_id to) noexcept : patient_message(&arrive, &come_back, to) {}
  static void* operator new(std::size_t bytes) { return detail::allocate_frame(bytes); }
  static void operator delete(void* node, std::size_t bytes) noexcept { detail::free_frame(node, bytes); }

  /// False, and nothing was taken: no memory.
  [[nodiscard]] bool take(connection& c) {
    if (c.pack(contents_[size_])) return false;
    husks_[size_++] = &c;
    return true;
  }
  void give_back() {
    while (size_ != 0) {
      --size_;
      husks_[size_]->unpack_here(contents_[size_]);
    }
  }
  void send(relay* pair) {
    pair_ = pair;
    if (pair != nullptr) pair->let_go();
    auto& table = shard::current().local<connection_table>();
    for (connection* c : husks()) table.let_go(*c);
    post();
  }

 private:
  [[nodiscard]] std::span<connection*> husks() noexcept { return std::span{husks_}.first(size_); }
  static void arrive(message& m) {
    auto& self = static_cast<parcel&>(m);
    self.accepted_ = self.open(shard::current());
    shard::current().mail().reply(m);
  }
  static void come_back(message& m) {
    const std::unique_ptr<parcel> self{static_cast<parcel*>(&m)};
    if (self->accepted_) {
      for (connection* c : self->husks()) c->has_left();
      return;
    }
    shard& here = shard::current();
    auto& table = here.local<connection_table>();
    for (connection* c : self->husks()) table.readmit(*c);
    self->settle(here, self->husks());
  }

  [[nodiscard]] bool open(shard& here);
  void settle(shard& here, std::span<connection*> made);

  std::array<packed_connection, 2> contents_;
  std::array<connection*, 2> husks_{};
  std::size_t size_ = 0;
  relay* pair_ = nullptr;
  bool accepted_ = false;
};

/// On the new shard. False: there is no memory, or it stops; it may be counted as quiet already, and must stay so.
bool connection_mover::parcel::open(shard& here) {
  auto& table = here.local<connection_table>();
  if (table.stopped_) return false;
  std::array<connection*, 2> made{};
  for (std::size_t i = 0; i < size_; ++i) {
    const packed_connection& from = contents_[i];
    connection_observer* mine = from.left == nullptr ? nullptr : from.left->successor(here);
    auto profile = mine == nullptr ? pair_->watcher_->profile_on(here) : mine->profile_of_arrivals();
    made[i] = table.admit(from.id, from.fd, std::move(profile), mine, from.remote);
    if (made[i] != nullptr) continue;
    if (i != 0) table.discard(*made[0]);
    return false;
  }
  settle(here, std::span{made}.first(size_));
  return true;
}

void connection_mover::parcel::settle(shard& here, std::span<connection*> made) {
  const bool stopped = here.local<connection_table>().stopped_;
  if (pair_ != nullptr) pair_->arrive(here, *made[0], *made[1]);
  for (std::size_t i = 0; i < made.size(); ++i) {
    connection& c = *made[i];
    const bool is_new = c.settle_in(contents_[i]);
    if (is_new && c.observer_ != nullptr) c.observer_->on_connection_arrived(c);
    if (stopped) c.close(close_how::reset, make_error_code(errc::stopped));
  }
  // Now that both ends are whole: visits that waited at home may come at once.
  for (connection* c : made) stay(*c);
}

void connection_mover::begin(connection& c) {
  SHOAL_ASSERT(c.rare_ != nullptr && !c.rare_->move_asked);
  const connection_id id = c.id();
  shard& here = c.owner();
  if (id.home != here.id()) {
    c.rare_->move_asked = true;
    return tell_home(news::ask, id);
  }
  if (here.local<connection_table>().hold(id, here.id())) granted(id);
}

void connection_mover::stay(connection& c) { tell_home(news::arrived, c.id()); }

void connection_mover::send_off(connection& c) {
  const shard_id to = c.rare_->move_to;
  shard& here = c.owner();
  relay* pair = c.relay_;
  connection& first = pair == nullptr ? c : *pair->sides_[0].peer;
  connection* second = pair == nullptr ? nullptr : pair->sides_[1].peer;
  auto made = std::make_unique<parcel>(to);
  if (!made->take(first) || (second != nullptr && !made->take(*second))) {
    made->give_back();
    if (pair != nullptr) pair->watcher_->on_arrive(here);
    first.stay_after_all();
    if (second != nullptr) second->stay_after_all();
    return;
  }
  log_debug(here.log(), "{} {}: moves from shard {} to {}", c.profile().name, to_string(c.remote()), here.id(), to);
  made.release()->send(pair);  // comes back through parcel::come_back
}

void connection_mover::tell_home(news what, connection_id id) {
  shard& here = shard::current();
  if (id.home == here.id()) return take(what, id, here.id());
  std::make_unique<note>(what, id, static_cast<shard_id>(id.home)).release()->post();
}

void connection_mover::take(news what, connection_id id, shard_id from) {
  auto& table = shard::current().local<connection_table>();
  switch (what) {
    case news::ask:
      // Gone meanwhile: that news is right behind.
      if (table.hold(id, from)) std::make_unique<note>(news::grant, id, from).release()->post();
      return;
    case news::grant: return granted(id);
    case news::arrived: return table.release(id, from);
    case news::gone: return table.forget(id);
  }
}

/// Home holds its visits: whatever was brought before has met it.
void connection_mover::granted(connection_id id) {
  connection* c = shard::current().local<connection_table>().find(id);
  if (c == nullptr) return;  // ended meanwhile, and home knows by now
  c->rare_->move_asked = false;
  if (c->relay_ != nullptr) return c->relay_->granted(*c);
  if (c->leave()) return;
  stay(*c);
  c->owner().schedule_delivery(*c);
}

}  // namespace shoal
