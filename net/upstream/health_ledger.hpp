// SPDX-License-Identifier: Apache-2.0
// health_ledger: what is known about the endpoints of one upstream, and what follows from it. No I/O, no clock.
//
//               fall bad checks in a row                  failures of clients in a row
//   checked up ------------------------> checked down      in ------------------------> ejected
//              <------------------------                      <------------------------
//               rise good checks in a row                  its time is over
//
// Thread rule: one shard, the upstream's home.
// Invariants:
//  1. An endpoint is up while it is checked up and not ejected. A change of that is told exactly once.
//  2. At most max_ejection_percent of the endpoints are ejected at a time, and nobody is ejected who is the last one
//     up. Checks know no such limit: what does not answer is down.
#pragma once

#include <shoal/net/upstream/health_options.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

struct health_change {
  std::size_t endpoint = 0;
  bool up = false;
  std::string why;
  std::size_t left = 0;  ///< up now, of
  std::size_t total = 0;
};

/// "up -> down: connect refused (1 of 2 left)"
[[nodiscard]] std::string to_string(const health_change& change);

class health_ledger {
 public:
  /// All are up. Null: without checks, or without ejection.
  health_ledger(std::size_t endpoints, const health_check_options* check, const outlier_options* outlier);

  /// A check came out; `why` it was bad.
  [[nodiscard]] std::optional<health_change> checked(std::size_t endpoint, bool good, std::string_view why);
  /// It failed as many clients in a row as it takes; `why` the last one.
  [[nodiscard]] std::optional<health_change> failed(std::size_t endpoint, std::string_view why, instant now);
  /// When the next ejection ends, or never.
  [[nodiscard]] instant next_release() const noexcept;
  /// Ends one that is over: call it until nothing is.
  [[nodiscard]] bool release_one(instant now, std::optional<health_change>& change);

  [[nodiscard]] bool is_up(std::size_t endpoint) const noexcept { return is_up(entries_[endpoint]); }
  [[nodiscard]] std::size_t up() const noexcept;
  [[nodiscard]] std::size_t ejected() const noexcept;
  [[nodiscard]] std::vector<bool> states() const;

 private:
  struct entry {
    bool checked_up = true;
    unsigned in_a_row = 0;  // checks that say the opposite
    unsigned times = 0;     // ejected, less what was forgiven
    instant ejected_until = never;
    instant back_since = never;
    bool ejected = false;
  };
  [[nodiscard]] static bool is_up(const entry& e) noexcept { return e.checked_up && !e.ejected; }
  [[nodiscard]] bool may_eject(const entry& e) const noexcept;
  [[nodiscard]] health_change change_of(const entry& e, std::string why) const;

  unsigned rise_ = 1;
  unsigned fall_ = 1;
  outlier_options outlier_{.max_ejection_percent = 0};  // without ejection: nobody
  std::vector<entry> entries_;
};

}  // namespace shoal
