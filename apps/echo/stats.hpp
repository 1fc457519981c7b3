// SPDX-License-Identifier: Apache-2.0
// What --stats prints each second: of every shard its connections, its busy share, and the connections that moved away.
//
// Thread rule: as service.hpp says; it counts and prints on shard 0.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/service.hpp>
#include <shoal/net/server.hpp>

#include <cstdint>
#include <vector>

namespace echo {

class stats final : public shoal::service {
 public:
  /// `watched` runs on the same runtime.
  stats(shoal::runtime& owner, const shoal::server& watched);
  stats(const stats&) = delete;
  stats& operator=(const stats&) = delete;
  ~stats();

 private:
  struct tick final : shoal::timer {
    explicit tick(stats& s) noexcept;
    stats& owner;
  };
  struct totals {
    shoal::duration busy_time{0};
    std::uint64_t moves = 0;
  };

  std::expected<void, shoal::start_failure> prepare(shoal::runtime& owner) override;
  void start(shoal::shard& here) override;
  [[nodiscard]] shoal::task<> stop(shoal::shard& here, shoal::instant deadline) override;

  [[nodiscard]] totals look_at(shoal::shard_id s) const;
  void print();

  shoal::runtime& runtime_;
  const shoal::server& server_;
  tick tick_{*this};
  shoal::instant last_;
  std::vector<totals> before_;  // by shard, when it printed last
};

}  // namespace echo
