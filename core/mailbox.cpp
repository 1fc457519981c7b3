// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/mailbox.hpp>

#include <shoal/core/poller/poller.hpp>

#include <algorithm>
#include <bit>

namespace shoal {

mailbox::mailbox(shard_id owner, std::size_t shards, fence_kind fence)
    : id_(owner), fence_(fence), outbound_(shards), unpublished_bit_(shards, false), inbound_(shards) {
  SHOAL_CHECK(shards <= max_shards, "more shards than a mail bitmap holds");
  unpublished_.reserve(shards);
}

mailbox::~mailbox() {
  SHOAL_ASSERT(in_flight_ == 0);
  for (;;) {
    if (foreign_taken_ == nullptr) take_foreign();
    if (foreign_taken_ == nullptr) break;
    const std::unique_ptr<foreign_item> dropped{foreign_taken_};
    foreign_taken_ = dropped->next_;
  }
}

void mailbox::connect(std::span<mailbox* const> all, poller& wakes_owner) {
  SHOAL_ASSERT(all.size() == outbound_.size() && all[id_] == this);
  all_.assign(all.begin(), all.end());
  owner_poller_ = &wakes_owner;
  gate_ = wakes_owner.gate();
}

lane& mailbox::lane_to(shard_id to) {
  auto& slot = outbound_[to];
  if (slot == nullptr) {
    slot = std::make_unique<lane>();
    all_[to]->inbound_[id_].store(slot.get(), std::memory_order_release);
  }
  return *slot;
}

bool mailbox::try_send(shard_id to, message& m) { return send_below(lane_capacity, to, m); }

bool mailbox::try_send_urgent(shard_id to, message& m) { return send_below(lane_slots, to, m); }

bool mailbox::send_below(std::uint32_t most, shard_id to, message& m) {
  SHOAL_ASSERT(to < all_.size() && to != id_);
  lane& out = lane_to(to);
  if (out.in_flight >= most) {
    ++out.found_full;
    ++counters_.lane_full;
    return false;
  }
  m.sender = id_;
  out.most_in_flight = std::max(out.most_in_flight, ++out.in_flight);
  ++out.sent;
  ++in_flight_;
  ++counters_.sent;
  out.requests.push(m);
  if (out.requests.unpublished() >= publish_batch) {
    publish(to);
  } else {
    note_unpublished(to);
  }
  return true;
}

void mailbox::wait_for_room(shard_id to, run_item& item) {
  lane& out = lane_to(to);
  SHOAL_ASSERT(out.in_flight >= lane_capacity);  // or nobody would ever wake it
  out.waiting_for_room.push_back(item);
}

void mailbox::wait_for_urgent_room(shard_id to, run_item& item) {
  lane& out = lane_to(to);
  SHOAL_ASSERT(out.in_flight == lane_slots);
  out.urgent_waiting.push_back(item);
}

void mailbox::reply(message& m) {
  SHOAL_ASSERT(m.sender < all_.size() && m.sender != id_);
  lane& in = *inbound_[m.sender].load(std::memory_order_acquire);
  const shard_id to = m.sender;  // the node is the sender's again once it is pushed and published
  in.replies.push(m);
  if (in.replies.unpublished() >= publish_batch) {
    publish(to);
  } else {
    note_unpublished(to);
  }
}

void mailbox::note_unpublished(shard_id peer) {
  if (unpublished_bit_[peer]) return;
  unpublished_bit_[peer] = true;
  unpublished_.push_back(peer);
}

void mailbox::publish(shard_id peer) {
  const lane* out = outbound_[peer].get();
  const lane* in = inbound_[peer].load(std::memory_order_acquire);
  const bool is_new =
      (out != nullptr && out->requests.unpublished() != 0) || (in != nullptr && in->replies.unpublished() != 0);
  if (!is_new) return;  // a full batch has gone at once, or what was held took it along
  if (gate_ == nullptr || !gate_->holds(*this, peer)) make_visible(peer);
}

void mailbox::make_visible(shard_id peer) {
  if (lane* out = outbound_[peer].get(); out != nullptr && out->requests.unpublished() != 0) {
    ++out->batches;
    out->requests.publish();
  }
  if (lane* in = inbound_[peer].load(std::memory_order_acquire); in != nullptr) in->replies.publish();
  ring(*all_[peer]);
}

void mailbox::publish_all() {
  for (const shard_id peer : unpublished_) {
    unpublished_bit_[peer] = false;
    publish(peer);
  }
  unpublished_.clear();
}

void mailbox::ring(mailbox& receiver) noexcept {
  const std::size_t word = id_ / 64U;
  const std::uint64_t bit = 1ULL << (id_ % 64U);
  // A read-modify-write even if the bit may be set: a plain load could pass the publishing store, see the bit that the
  // receiver is just clearing, and lose the message.
  if ((receiver.who_has_mail_[word].fetch_or(bit, std::memory_order_seq_cst) & bit) == 0) {
    receiver.doorbell_.summary.fetch_or(1ULL << word, std::memory_order_seq_cst);
  }
  // Only who clears the flag wakes: one system call per sleep, whoever else sends meanwhile.
  if (sender_sees_asleep(fence_, receiver.doorbell_.asleep) && receiver.doorbell_.asleep.exchange(false)) {
    ++counters_.wakes;
    receiver.owner_poller_->wake_from(*owner_poller_);
  }
}

unsigned mailbox::drain() {
  const unsigned foreign = drain_foreign();
  if (doorbell_.summary.load(std::memory_order_relaxed) == 0) return foreign;
  std::array<std::uint64_t, words> mail{};
  std::uint64_t summary = doorbell_.summary.exchange(0, std::memory_order_seq_cst);
  for (; summary != 0; summary &= summary - 1) {
    const auto word = static_cast<std::size_t>(std::countr_zero(summary));
    mail[word] = who_has_mail_[word].exchange(0, std::memory_order_seq_cst);
  }
  const unsigned taken = drain_peers(mail);
  for (std::size_t word = 0; word < words; ++word) {
    if (mail[word] == 0) continue;  // nothing left over
    who_has_mail_[word].fetch_or(mail[word], std::memory_order_seq_cst);
    doorbell_.summary.fetch_or(1ULL << word, std::memory_order_seq_cst);
  }
  return foreign + taken;
}

unsigned mailbox::drain_recent(unsigned budget) { return drain_peer(recent_peer_, budget); }

/// Serves the peers in `mail` and clears the bits of those that have nothing left. Begins behind the peer at which the
/// last budget ended: a flood from one must not starve the others.
unsigned mailbox::drain_peers(mail_bits& mail) {
  const std::size_t used = (all_.size() + 63U) / 64U;
  const std::size_t first_word = first_peer_ / 64U;
  const std::uint64_t from_first = ~0ULL << (first_peer_ % 64U);
  unsigned taken = 0;
  for (std::size_t step = 0; step <= used; ++step) {  // the first word twice: its upper bits first, its lower ones last
    const std::size_t word = (first_word + step) % used;
    std::uint64_t bits = mail[word];
    if (step == 0) bits &= from_first;
    if (step == used) bits &= ~from_first;
    for (; bits != 0; bits &= bits - 1) {
      const auto peer = static_cast<shard_id>(word * 64U + static_cast<unsigned>(std::countr_zero(bits)));
      if (taken < drain_budget) {
        const unsigned of_peer = drain_peer(peer, drain_budget - taken);
        if (of_peer != 0) recent_peer_ = peer;
        taken += of_peer;
        if (taken == drain_budget) first_peer_ = static_cast<shard_id>((peer + 1U) % all_.size());
      }
      const lane* in = inbound_[peer].load(std::memory_order_acquire);
      const lane* out = outbound_[peer].get();
      const bool left = (in != nullptr && !in->requests.empty()) || (out != nullptr && !out->replies.empty());
      if (!left) mail[word] &= ~(bits & (~bits + 1));
    }
  }
  return taken;
}

/// Replies first: they make room on our lanes.
unsigned mailbox::drain_peer(shard_id peer, unsigned budget) {
  unsigned taken = 0;
  if (lane* out = outbound_[peer].get(); out != nullptr) {
    while (taken < budget) {
      message* m = out->replies.pop();
      if (m == nullptr) break;
      ++taken;
      ++counters_.replies;
      SHOAL_ASSERT(out->in_flight > 0 && in_flight_ > 0);
      --out->in_flight;
      --in_flight_;
      // Before complete(): who gets a message back often sends the next at once, and would overtake those who wait.
      serve_waiting(*out);
      m->complete(*m);
    }
  }
  if (lane* in = inbound_[peer].load(std::memory_order_acquire); in != nullptr) {
    while (taken < budget) {
      message* m = in->requests.pop();
      if (m == nullptr) break;
      ++taken;
      ++counters_.received;
      m->execute(*m);
    }
  }
  return taken;
}

void mailbox::serve_waiting(lane& out) {
  while (out.in_flight < lane_slots && !out.urgent_waiting.empty()) {
    run_item& waiter = out.urgent_waiting.front();
    out.urgent_waiting.pop_front();
    waiter.run(waiter);
  }
  while (out.in_flight < lane_capacity && !out.waiting_for_room.empty()) {
    run_item& waiter = out.waiting_for_room.front();
    out.waiting_for_room.pop_front();
    waiter.run(waiter);
  }
}

unsigned mailbox::drain_foreign() {
  unsigned taken = 0;
  for (; taken < drain_budget; ++taken) {
    if (foreign_taken_ == nullptr) take_foreign();
    if (foreign_taken_ == nullptr) break;
    foreign_item* item = foreign_taken_;
    foreign_taken_ = item->next_;
    if (item->lent_) {
      SHOAL_ASSERT(in_flight_ > 0);
      --in_flight_;
      item->run();
    } else {
      item->run_posted(std::unique_ptr<foreign_item>{item});
    }
  }
  counters_.foreign += taken;
  return taken;
}

/// The stack has the newest on top; they run in the order posted.
void mailbox::take_foreign() noexcept {
  if (doorbell_.foreign.load(std::memory_order_relaxed) == nullptr) return;
  foreign_item* stack = doorbell_.foreign.exchange(nullptr, std::memory_order_acquire);
  while (stack != nullptr) {
    foreign_item* next = stack->next_;
    stack->next_ = foreign_taken_;
    foreign_taken_ = stack;
    stack = next;
  }
}

std::vector<lane_counters> mailbox::lanes() const {
  std::vector<lane_counters> all;
  for (std::size_t to = 0; to < outbound_.size(); ++to) {
    if (outbound_[to] == nullptr) continue;
    const lane& out = *outbound_[to];
    all.push_back({.to = static_cast<shard_id>(to),
                   .depth = out.in_flight,
                   .deepest = out.most_in_flight,
                   .waiting = out.waiting_for_room.size() + out.urgent_waiting.size(),
                   .sent = out.sent,
                   .batches = out.batches,
                   .found_full = out.found_full});
  }
  return all;
}

bool mailbox::fall_asleep() noexcept {
  sleeper_fence(fence_, all_.size() == 1, doorbell_.asleep);
  if (!has_mail()) return true;
  wake_up();
  return false;
}

bool mailbox::post_foreign(std::unique_ptr<foreign_item>& item) noexcept {
  if (doorbell_.foreign_closed.load(std::memory_order_acquire)) return false;
  push_foreign(*item.release());
  return true;
}

void mailbox::give_back(foreign_item& item) noexcept {
  SHOAL_ASSERT(item.lent_);
  push_foreign(item);
}

void mailbox::push_foreign(foreign_item& item) noexcept {
  foreign_item* top = doorbell_.foreign.load(std::memory_order_relaxed);
  do item.next_ = top;
  while (!doorbell_.foreign.compare_exchange_weak(top, &item, std::memory_order_seq_cst, std::memory_order_relaxed));
  if (foreign_sees_asleep(doorbell_.asleep) && doorbell_.asleep.exchange(false)) owner_poller_->wake();
}

void mailbox::close_foreign() noexcept { doorbell_.foreign_closed.store(true, std::memory_order_release); }

}  // namespace shoal
