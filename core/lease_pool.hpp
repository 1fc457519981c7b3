// SPDX-License-Identifier: Apache-2.0
// lease_pool: the tokens of a leased_limit that no shard has, on the shard called home, and who wants some.
//
//   up message --> receive() --> line of shards that want tokens --> hand_out() --> down messages
//                                     |
//                                     +-- too few: call_in() asks the others once for what they have free
//
// Thread rule: home only. Invariants: those of lease.hpp, and
//  1. Shards that want tokens are served in turns, each by its part of what there is: a shard with a thousand waiters
//     does not go before one with a single one.
//  2. While shards want more than there is, each may go on using `keep` tokens (the limit, divided by those that use
//     it) without asking; what is above goes round.
//  3. After the limit was lowered, `debt` tokens vanish as they come back, before anybody gets one.
#pragma once

#include <shoal/core/lease.hpp>
#include <shoal/core/token_bucket.hpp>

#include <boost/intrusive/slist.hpp>

#include <deque>
#include <optional>
#include <vector>

namespace shoal::detail {

class lease_pool {
 public:
  lease_pool(lease_share& share, std::size_t shards);
  lease_pool(const lease_pool&) = delete;
  lease_pool& operator=(const lease_pool&) = delete;
  ~lease_pool() = default;

  /// What a shard tells; the news for it are put into the message.
  void receive(shard_id from, lease_message& up);

  /// The new epoch. When tokens are missing then (is_in_debt()), leases must surrender what they have free.
  [[nodiscard]] std::uint32_t set_limit(std::int64_t limit);
  void set_rate(std::int64_t per_second, std::int64_t burst);
  [[nodiscard]] bool is_in_debt() const noexcept { return debt_ > 0; }

  /// Hands nothing out any more; completes when no message of home is under way.
  [[nodiscard]] task<> close();

 private:
  struct borrower;
  struct down_message final : lease_message {
    down_message(lease_pool& from, borrower& whose) noexcept;
    lease_pool& owner;
    lease_share& share;
    borrower& to;
  };
  /// A shard, as home sees it.
  struct borrower : boost::intrusive::slist_base_hook<> {
    borrower(lease_pool& from, shard_id which) noexcept : id(which), down(from, *this) {}
    const shard_id id;
    std::int64_t held = 0;
    std::int64_t wanted = 0;
    std::int64_t to_grant = 0;  // with the next message
    bool recall = false;        // with the next message
    bool has_news = false;      // there is something to send
    bool called_in = false;     // since its last grant; it has nothing free
    std::int64_t keep = std::numeric_limits<std::int64_t>::max();
    lease_news told;
    down_message down;
  };
  using line = boost::intrusive::slist<borrower, boost::intrusive::cache_last<true>>;
  struct refill_timer final : timer {
    explicit refill_timer(lease_pool& of) noexcept
        : timer([](timer& t) noexcept { static_cast<refill_timer&>(t).owner.serve(); }), owner(of) {}
    lease_pool& owner;
  };

  [[nodiscard]] std::int64_t available() noexcept;
  void take(std::int64_t count) noexcept;
  void add(borrower& from, std::int64_t unused, std::int64_t used) noexcept;
  void serve() noexcept;
  void hand_out() noexcept;
  void grant_to(borrower& first) noexcept;
  void call_in() noexcept;
  void share_out() noexcept;
  [[nodiscard]] lease_news news(const borrower& whom) const noexcept;
  void note_news(borrower& b) noexcept;
  void tell_all() noexcept;
  void tell(borrower& whom) noexcept;
  void came_back(borrower& from) noexcept;

  lease_share& share_;
  std::int64_t limit_;
  std::int64_t free_ = 0;  // not of a rate
  std::int64_t debt_ = 0;
  std::optional<token_bucket> bucket_;  // of a rate
  std::uint32_t epoch_ = 1;
  bool serving_ = false;
  bool once_more_ = false;
  bool somebody_new_ = false;  // in the line
  bool closed_ = false;
  std::deque<borrower> borrowers_;  // by shard
  std::vector<borrower*> to_tell_;  // those with news, but for those whose message is under way
  line line_;
  gate under_way_;
  refill_timer refill_;
};

}  // namespace shoal::detail
