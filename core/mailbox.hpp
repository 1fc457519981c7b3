// SPDX-License-Identifier: Apache-2.0
// mailbox: one shard's end of all its lanes, and the flag it sleeps behind.
//
//   summary (1 word) -> who_has_mail (16 words, a bit per sender) -> lane of that sender
//
// An idle poll reads the summary and the foreign stack's head: one cache line, whatever the number of shards.
//
// Thread rule: owner shard only, but for post_foreign(), give_back() and what other shards' mailboxes do to
// `doorbell_`. Invariants:
//  1. A published message's sender bit is set, or the receiver is past clearing it and will read the lane.
//  2. Draining never sends and waits: replies have their room (lane.hpp), new requests suspend.
//  3. A message sent comes back exactly once.
#pragma once

#include <shoal/core/fence.hpp>
#include <shoal/core/lane.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace shoal {

class poller;

/// Messages taken per turn, and as many foreign items; leftovers keep their bit. Bounds what one turn can cost.
inline constexpr unsigned drain_budget = 256;
/// A sender publishes after this many, or at the end of its turn.
inline constexpr unsigned publish_batch = 16;

/// Work from a thread that is no shard. Posted, it is the mailbox's, which frees it when it has run, unless
/// run_posted() keeps it; lent and given back, it is its owner's, and run() may end it.
class foreign_item {
 public:
  virtual ~foreign_item() = default;
  virtual void run() = 0;
  /// What a posted one does: `self` is this.
  virtual void run_posted(std::unique_ptr<foreign_item> self) { self->run(); }

 private:
  friend class mailbox;
  foreign_item* next_ = nullptr;
  bool lent_ = false;
};

class mailbox;

/// Between sending and being seen: a simulated machine may make messages late.
class message_gate {
 public:
  /// True: what is on its way to `to` stays invisible now; sender.make_visible(to) follows.
  [[nodiscard]] virtual bool holds(mailbox& sender, shard_id to) = 0;

 protected:
  ~message_gate() = default;
};

struct mailbox_counters {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t replies = 0;
  std::uint64_t lane_full = 0;
  std::uint64_t wakes = 0;
  std::uint64_t foreign = 0;
};

/// One lane as its sender sees it.
struct lane_counters {
  shard_id to = no_shard;
  std::uint32_t depth = 0;    ///< messages in flight now: sent, and not back yet
  std::uint32_t deepest = 0;  ///< the most there ever were, up to lane_slots
  std::size_t waiting = 0;    ///< senders suspended now, because it is full
  std::uint64_t sent = 0;
  std::uint64_t batches = 0;     ///< times that messages were made visible; sent / batches go at once
  std::uint64_t found_full = 0;  ///< sends that met a full lane
};

class mailbox {
 public:
  mailbox(shard_id owner, std::size_t shards, fence_kind fence);
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;
  ~mailbox();

  /// Before the shards run: who the others are (indexed by shard_id), and how this one is woken.
  void connect(std::span<mailbox* const> all, poller& wakes_owner);

  /// Sends; false when the lane is full (counted) and the caller keeps the message.
  [[nodiscard]] bool try_send(shard_id to, message& m);
  /// After try_send() said full: runs `item`, once, when the lane has room again and all who came before have been
  /// served. From drain(), on the owner. It should send what it waited for.
  void wait_for_room(shard_id to, run_item& item);
  /// The same for a message that its receiver answers at once: it gets through a lane full of others, which may have to
  /// wait long for their answers. For those that tell them to end, or give them what they wait for.
  [[nodiscard]] bool try_send_urgent(shard_id to, message& m);
  void wait_for_urgent_room(shard_id to, run_item& item);
  /// Returns a message to its sender. Never waits, never fails.
  void reply(message& m);
  /// End of turn: makes everything sent visible and rings those asleep.
  void publish_all();
  /// What publishing does; a message_gate calls it for what it held.
  void make_visible(shard_id peer);

  /// Executes what arrived, at most `drain_budget` of each kind; how many.
  unsigned drain();
  /// At most `budget` from the shard that sent last, by a look at its lane alone. For an owner that spins: who has mail
  /// stays as it is, so senders find their bit set and its line stays with them.
  unsigned drain_recent(unsigned budget);
  /// Sequentially consistent, as everything the sleep protocol reads (a plain load on x86-64).
  [[nodiscard]] bool has_mail() const noexcept {
    return doorbell_.summary.load(std::memory_order_seq_cst) != 0 ||
           doorbell_.foreign.load(std::memory_order_seq_cst) != nullptr || foreign_taken_ != nullptr;
  }

  /// Sleep protocol: fall_asleep() is true when nothing arrived meanwhile and the owner may block.
  [[nodiscard]] bool fall_asleep() noexcept;
  void wake_up() noexcept { doorbell_.asleep.store(false, std::memory_order_relaxed); }

  /// Any thread. False (and the item stays the caller's) once the owner has stopped.
  [[nodiscard]] bool post_foreign(std::unique_ptr<foreign_item>& item) noexcept;
  /// The owner stops taking foreign items; those queued run once more by drain().
  void close_foreign() noexcept;

  /// `item` goes to a thread that is no shard; it counts as in flight until give_back() has brought it here again.
  void lend(foreign_item& item) noexcept {
    item.lent_ = true;
    ++in_flight_;
  }
  /// Any thread: runs what was lent on the owner. Never refused, since the owner waits for what is in flight.
  void give_back(foreign_item& item) noexcept;

  /// How many mailboxes know each other, this one included.
  [[nodiscard]] std::size_t shards() const noexcept { return outbound_.size(); }
  /// Messages this shard has sent, and items it has lent, that are not back yet.
  [[nodiscard]] std::uint64_t in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] const mailbox_counters& counters() const noexcept { return counters_; }
  /// A snapshot of the lanes this shard has used so far, by receiver. Allocates: for metrics, not for every turn.
  [[nodiscard]] std::vector<lane_counters> lanes() const;

 private:
  // Written by others; the only line an idle owner reads.
  struct alignas(64) doorbell {
    std::atomic<std::uint64_t> summary{0};
    std::atomic<foreign_item*> foreign{nullptr};
    std::atomic<bool> asleep{false};
    std::atomic<bool> foreign_closed{false};
  };
  static constexpr std::size_t words = max_shards / 64;
  using mail_bits = std::array<std::uint64_t, words>;

  [[nodiscard]] lane& lane_to(shard_id to);
  [[nodiscard]] bool send_below(std::uint32_t most, shard_id to, message& m);
  void ring(mailbox& receiver) noexcept;
  void note_unpublished(shard_id peer);
  void publish(shard_id peer);
  unsigned drain_peers(mail_bits& mail);
  unsigned drain_peer(shard_id peer, unsigned budget);
  void serve_waiting(lane& out);
  unsigned drain_foreign();
  void take_foreign() noexcept;
  void push_foreign(foreign_item& item) noexcept;

  const shard_id id_;
  const fence_kind fence_;
  poller* owner_poller_ = nullptr;
  message_gate* gate_ = nullptr;
  std::vector<mailbox*> all_;
  std::vector<std::unique_ptr<lane>> outbound_;  // by receiver; made on first use
  std::vector<shard_id> unpublished_;            // peers with something pushed and not published
  std::vector<bool> unpublished_bit_;
  std::uint64_t in_flight_ = 0;
  shard_id first_peer_ = 0;                // where the next drain begins
  shard_id recent_peer_ = 0;               // who sent last
  foreign_item* foreign_taken_ = nullptr;  // taken off the stack and not run yet, oldest first
  mailbox_counters counters_;

  doorbell doorbell_;
  std::array<std::atomic<std::uint64_t>, words> who_has_mail_{};
  std::vector<std::atomic<lane*>> inbound_;  // by sender; published by it
};

}  // namespace shoal
