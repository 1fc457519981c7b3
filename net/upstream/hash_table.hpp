// SPDX-License-Identifier: Apache-2.0
// hash_table: what ring_hash and maglev look keys up in. A walk through it meets every endpoint with a weight; the
// first that may be taken is the one.
//
//   auto table = make_hash_table(options);                       // once per upstream
//   shoal::upstream up{options, shard.random(), table};          // on each shard, all with the same one
//
// Thread rule: made on one thread, never changed, read from every shard. So all shards share one: it is large (100 KiB
//   to 5 MiB), and read-only lines cost the cores that share them nothing. Who is down is stepped over, so health never
//   changes it; another list of endpoints is another table.
// Invariant: its size is bounded, whatever the number of endpoints and their weights.
#pragma once

#include <shoal/core/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace shoal {

struct upstream_options;

class hash_table {
 public:
  hash_table() = default;
  hash_table(const hash_table&) = delete;
  hash_table& operator=(const hash_table&) = delete;
  virtual ~hash_table() = default;

  /// Number of steps after which a walk has met everybody. 0: there is nobody.
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  /// Where the walk of a hash begins, below size().
  [[nodiscard]] virtual std::size_t begin_at(std::uint64_t hash) const noexcept = 0;
  /// Whose step that is, as a place in the list of endpoints.
  [[nodiscard]] virtual std::size_t owner(std::size_t step) const noexcept = 0;
};

using hash_table_ptr = std::shared_ptr<const hash_table>;

/// Null if the upstream's policy needs none. Takes up to a tenth of a second for thousands of endpoints: at start, not
/// on a busy shard.
[[nodiscard]] hash_table_ptr make_hash_table(const upstream_options& options);

}  // namespace shoal
