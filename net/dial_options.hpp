// SPDX-License-Identifier: Apache-2.0
// How to dial, and what a dial that failed has met.
//
// Thread rule: plain values.
#pragma once

#include <shoal/core/host/host.hpp>
#include <shoal/core/instant.hpp>
#include <shoal/net/address.hpp>
#include <shoal/net/name_lookup.hpp>

#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <vector>

namespace shoal {

/// One thing that went wrong: the name (`where` unset) or an attempt to connect.
struct dial_failure {
  address where;
  std::error_code error;
};

/// "10.0.0.1:80: Connection refused; [fd00::1]:80: connect timeout: ...": for a log line, in the order it happened.
[[nodiscard]] std::string to_string(const std::vector<dial_failure>& failures);

struct dial_options {
  duration timeout = std::chrono::seconds{5};  ///< over everything: the name, all attempts, a full unix queue
  tcp_options tcp;
  /// Bind to this first; a port of 0 is chosen at connect() by the whole four-tuple. Of a name, only addresses of the
  /// same family are tried.
  std::optional<address> source;
  std::stop_token stop;                               ///< errc::cancelled; requested on the dialling shard only
  address_families families = address_families::any;  ///< of a name
  std::vector<dial_failure>* failures = nullptr;      ///< where to add what went wrong; may be null
};

/// `since` + `length`, or never.
[[nodiscard]] inline instant deadline_after(instant since, duration length) noexcept {
  return length < never - since ? since + length : never;
}

}  // namespace shoal
