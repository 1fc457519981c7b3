// SPDX-License-Identifier: Apache-2.0
// accept_distribution: which shard serves a new connection, as an option of a listener.
//
// Thread rule: a value.
#pragma once

#include <shoal/buffers/check.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoal {

struct accept_distribution {
  enum class policy : std::uint8_t {
    reuseport,          ///< a socket per shard, the kernel hashes
    incoming_cpu,       ///< the same, but of the shard pinned to the CPU that the packet came in on
    round_robin,        ///< in turn
    least_connections,  ///< who has the fewest open ones of this server
    random_two,         ///< the one with fewer of two drawn at random
    source_hash,        ///< by the peer's IP address: a peer always meets the same shard
    least_busy,         ///< who has had the least to do lately, see shard_load.hpp
    fixed,              ///< always the same shard
  };

  policy how = policy::reuseport;
  shard_id shard = 0;  ///< of `fixed`

  static const accept_distribution reuseport;
  static const accept_distribution incoming_cpu;
  static const accept_distribution round_robin;
  static const accept_distribution least_connections;
  static const accept_distribution random_two;
  static const accept_distribution source_hash;
  static const accept_distribution least_busy;
  [[nodiscard]] static constexpr accept_distribution fixed(shard_id shard) noexcept {
    return {.how = policy::fixed, .shard = shard};
  }

  /// A socket per shard; else one socket, whose shard hands on what it accepts.
  [[nodiscard]] constexpr bool kernel_chooses() const noexcept {
    return how == policy::reuseport || how == policy::incoming_cpu;
  }

  friend constexpr bool operator==(const accept_distribution&, const accept_distribution&) noexcept = default;
};

inline constexpr accept_distribution accept_distribution::reuseport{.how = policy::reuseport};
inline constexpr accept_distribution accept_distribution::incoming_cpu{.how = policy::incoming_cpu};
inline constexpr accept_distribution accept_distribution::round_robin{.how = policy::round_robin};
inline constexpr accept_distribution accept_distribution::least_connections{.how = policy::least_connections};
inline constexpr accept_distribution accept_distribution::random_two{.how = policy::random_two};
inline constexpr accept_distribution accept_distribution::source_hash{.how = policy::source_hash};
inline constexpr accept_distribution accept_distribution::least_busy{.how = policy::least_busy};

/// "round_robin", "fixed:3"
[[nodiscard]] std::string to_string(const accept_distribution& how);
/// Reads what to_string writes; nothing if it is anything else.
[[nodiscard]] std::optional<accept_distribution> parse_accept_distribution(std::string_view text);

}  // namespace shoal
