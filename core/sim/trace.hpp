// SPDX-License-Identifier: Apache-2.0
// What happened in a simulated run, as a hash that grows with every event, and as text for who wants to read it.
//
// Thread rule: the world's thread.
// Invariant: entries hold virtual time, numbers that the world gave out, sizes and hashes of bytes; never an address,
//   a real time or anything else that differs from one run to the next.
#pragma once

#include <shoal/core/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace shoal::sim {

enum class trace_event : std::uint8_t {
  turn,           ///< shard
  sleep,          ///< shard, until
  wake,           ///< shard, when it will run
  opened,         ///< fd
  closed,         ///< fd
  dialled,        ///< fd
  connected,      ///< fd, errno
  accepted,       ///< listening fd, fd
  accept_failed,  ///< listening fd, errno
  sent,           ///< connection and side, bytes, hash of them
  arrived,        ///< connection and side, bytes
  received,       ///< connection and side, bytes, hash of them
  finished,       ///< connection and side: it sends its end
  reset,          ///< connection and side: it gives up
  broken,         ///< connection: by the network
  syn_lost,       ///< fd
  message_held,   ///< shard, receiver
  seeded,         ///< the seed a host gave to a shard
  clock_set,      ///< by so many nanoseconds
};

[[nodiscard]] std::string_view to_string(trace_event what) noexcept;

class trace {
 public:
  /// One line per event: "3600.000020000 host 1 sent 4 1024 0x..."
  using sink = std::function<void(std::string_view line)>;

  void add(instant when, std::uint32_t host, trace_event what, std::uint64_t a, std::uint64_t b = 0,
           std::uint64_t c = 0);

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }
  /// Costs time for every event; nullptr ends it.
  void write_to(sink lines) { sink_ = std::move(lines); }

 private:
  void mix(std::uint64_t word) noexcept;

  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::uint64_t events_ = 0;
  sink sink_;
};

/// FNV-1a.
[[nodiscard]] std::uint64_t hash_bytes(std::span<const std::byte> bytes) noexcept;

}  // namespace shoal::sim
