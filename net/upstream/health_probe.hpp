// SPDX-License-Identifier: Apache-2.0
// health_probe: one check of one endpoint: connect, for http ask and read the status line, then an orderly end. A reset
// would be cheaper, but servers write lines about those (PostgreSQL: "could not receive data from client"), and an end
// before the first byte is nothing to them.
//
// Thread rule: one shard.
#pragma once

#include <shoal/core/task.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/upstream/health_options.hpp>

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace shoal {

struct probe_result {
  bool good = false;
  bool says_nothing = false;  ///< it failed on this side: no judgement
  std::string why;            ///< if it is not good: "connect refused", "no answer in time", "status 503"
};

/// Takes at most options.timeout. What is referred to must outlive it.
/// Resume rule: as dialer's and reader's waits. Waiters: one. Stop: ends early and says nothing.
[[nodiscard]] task<probe_result> probe_endpoint(shard& here, const address& where, const health_check_options& options,
                                                std::stop_token stop);

/// What a status line means: good, or not. `line` with its end.
[[nodiscard]] probe_result judge_status_line(std::string_view line, const health_check_options& options);

}  // namespace shoal
