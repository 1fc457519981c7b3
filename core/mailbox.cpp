// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/mailbox.hpp>

#include <bit>

#include <shoal/core/poller/poller.hpp>

namespace shoal {

mailbox::mailbox(shard_id owner, std::size_t shards, fence_kind fence)
    : id_(owner), fence_(fence), outbound_(shards), unpublished_bit_(shards, false), inbound_(shards) {
  SHOAL_CHECK(shards <= max_shards, "more shards than a mail bitmap holds");
  unpublished_.reserve(shards);
}

mailbox::~mailbox() {
  SHOAL_ASSERT(in_flight_ == 0);
  foreign_item* item = doorbell_.foreign.exchange(nullptr, std::memory_order_acquire);
  while (item != nullptr) {
    const std::unique_ptr<foreign_item> dropped{item};
    item = item->next_;
  }
}

void mailbox::connect(std::span<mailbox* const> all, poller& wakes_owner) {
  SHOAL_ASSERT(all.size() == outbound_.size() && all[id_] == this);
  all_.assign(all.begin(), all.end());
  owner_poller_ = &wakes_owner;
}

lane& mailbox::lane_to(shard_id to) {
  auto& slot = outbound_[to];
  if (slot == nullptr) {
    slot = std::make_unique<lane>();
    all_[to]->inbound_[id_].store(slot.get(), std::memory_order_release);
  }
  return *slot;
}

bool mailbox::try_send(shard_id to, message& m) {
  SHOAL_ASSERT(to < all_.size() && to != id_);
  lane& out = lane_to(to);
  if (out.in_flight == lane_capacity) {
    ++out.found_full;
    ++counters_.lane_full;
    return false;
  }
  m.sender = id_;
  ++out.in_flight;
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

void mailbox::wait_for_room(shard_id to, run_item& item) { lane_to(to).waiting_for_room.push_back(item); }

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
  if (lane* out = outbound_[peer].get(); out != nullptr) out->requests.publish();
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
    receiver.owner_poller_->wake();
  }
}

unsigned mailbox::drain() {
  unsigned taken = drain_foreign();
  if (doorbell_.summary.load(std::memory_order_relaxed) == 0) return taken;
  std::uint64_t summary = doorbell_.summary.exchange(0, std::memory_order_seq_cst);
  for (; summary != 0; summary &= summary - 1) {
    const auto word = static_cast<std::size_t>(std::countr_zero(summary));
    std::uint64_t bits = who_has_mail_[word].exchange(0, std::memory_order_seq_cst);
    std::uint64_t left = 0;
    for (; bits != 0; bits &= bits - 1) {
      const auto peer = static_cast<shard_id>(word * 64U + static_cast<unsigned>(std::countr_zero(bits)));
      const unsigned budget = taken < drain_budget ? drain_budget - taken : 0;
      taken += drain_peer(peer, budget);
      const lane* in = inbound_[peer].load(std::memory_order_acquire);
      const lane* out = outbound_[peer].get();
      if ((in != nullptr && !in->requests.empty()) || (out != nullptr && !out->replies.empty())) {
        left |= 1ULL << (peer % 64U);
      }
    }
    if (left != 0) {
      who_has_mail_[word].fetch_or(left, std::memory_order_seq_cst);
      doorbell_.summary.fetch_or(1ULL << word, std::memory_order_seq_cst);
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
      m->complete(*m);
      if (!out->waiting_for_room.empty()) {
        run_item& waiter = out->waiting_for_room.front();
        out->waiting_for_room.pop_front();
        waiter.run(waiter);
      }
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

unsigned mailbox::drain_foreign() {
  if (doorbell_.foreign.load(std::memory_order_relaxed) == nullptr) return 0;
  foreign_item* stack = doorbell_.foreign.exchange(nullptr, std::memory_order_acquire);
  foreign_item* oldest = nullptr;  // the stack has the newest on top; run in the order posted
  while (stack != nullptr) {
    foreign_item* next = stack->next_;
    stack->next_ = oldest;
    oldest = stack;
    stack = next;
  }
  unsigned taken = 0;
  while (oldest != nullptr) {
    const std::unique_ptr<foreign_item> item{oldest};
    oldest = item->next_;
    item->run();
    ++taken;
  }
  counters_.foreign += taken;
  return taken;
}

bool mailbox::fall_asleep() noexcept {
  doorbell_.asleep.store(true, std::memory_order_relaxed);
  sleeper_fence(fence_, all_.size() == 1, doorbell_.asleep);
  if (!has_mail()) return true;
  wake_up();
  return false;
}

bool mailbox::post_foreign(std::unique_ptr<foreign_item>& item) noexcept {
  if (doorbell_.foreign_closed.load(std::memory_order_acquire)) return false;
  foreign_item* node = item.release();
  foreign_item* top = doorbell_.foreign.load(std::memory_order_relaxed);
  do node->next_ = top;
  while (!doorbell_.foreign.compare_exchange_weak(top, node, std::memory_order_release, std::memory_order_relaxed));
  if (foreign_sees_asleep(doorbell_.asleep) && doorbell_.asleep.exchange(false)) owner_poller_->wake();
  return true;
}

void mailbox::close_foreign() noexcept { doorbell_.foreign_closed.store(true, std::memory_order_release); }

}  // namespace shoal
