// SPDX-License-Identifier: Apache-2.0
// caching_resolver: what every shard asks for names. Answers stay as long as their TTL allows, and who asks for a name
// that is being asked for joins in: at most one question per name and kind is under way.
//
//   shard.local<caching_resolver>()          in front of the host's own: c-ares, or the script of a simulated one
//
// Addresses written as numbers are answered as they are, and `localhost` (and *.localhost) as the loopback addresses
// (RFC 6761): nobody is asked.
//
// Thread rule: owner shard only.
// Invariants:
//  1. At most `max_names` answers and questions; the answer that was used longest ago makes room. When all are
//     questions under way: errc::would_block.
//  2. An answer is never used after its TTL; errors are kept too, for a shorter time, so that a name which is gone is
//     not asked for by every request.
#pragma once

#include <shoal/core/resolver.hpp>

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace shoal {

class shard;

struct resolver_limits {
  std::size_t max_names = 4096;                     ///< a name counts once for each kind; about 300 bytes each
  duration min_ttl = std::chrono::seconds{1};       ///< a TTL of 0 must not mean a question for every connection
  duration max_ttl = std::chrono::hours{1};         ///< whoever answers "a week" may be wrong
  duration negative_ttl = std::chrono::seconds{5};  ///< no such name, no address
  duration failure_ttl = std::chrono::seconds{1};   ///< servers failed or silent: try again soon
};

struct resolver_counters {
  std::uint64_t questions = 0;  ///< asked of us
  std::uint64_t hits = 0;       ///< answered from memory
  std::uint64_t joined = 0;     ///< waited for somebody else's question
  std::uint64_t asked = 0;      ///< passed on
  std::uint64_t evicted = 0;
};

class caching_resolver final : public resolver {
 public:
  explicit caching_resolver(shard& here);
  /// In front of another one.
  caching_resolver(shard& here, std::unique_ptr<resolver> behind, const resolver_limits& limits = {});
  ~caching_resolver() override;

  void stop() noexcept override;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] const resolver_counters& counters() const noexcept { return counters_; }

 private:
  struct entry;
  using entry_list = boost::intrusive::list<entry, boost::intrusive::constant_time_size<false>>;
  /// By kind and name in lower case.
  using entry_map = std::unordered_map<std::string, std::unique_ptr<entry>>;

  void start(name_question& q) override;
  void forget(name_question& q) noexcept override;
  [[nodiscard]] static bool answer_at_once(name_question& q);
  [[nodiscard]] entry* make_entry(std::string key, record_kind kind);
  void keep(entry& done, const result<name_answer>& outcome) noexcept;
  [[nodiscard]] duration life_of(const result<name_answer>& outcome) const noexcept;

  shard& here_;
  std::unique_ptr<resolver> behind_;
  resolver_limits limits_;
  entry_map entries_;
  std::unique_ptr<entry_list> by_use_;  // answered ones, the longest unused first
  resolver_counters counters_;
  bool stopped_ = false;
};

}  // namespace shoal
