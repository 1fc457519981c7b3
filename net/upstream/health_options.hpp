// SPDX-License-Identifier: Apache-2.0
// How the health of an upstream's endpoints is found out: by asking them, and by what happens to clients.
//
// Thread rule: plain values.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/net/proxy_protocol/proxy_header.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace shoal {

enum class health_check_kind : std::uint8_t {
  tcp,   ///< it accepts a connection
  http,  ///< it answers a GET (HTTP/1.1) with a status that was expected
};

/// Active checks.
struct health_check_options {
  health_check_kind kind = health_check_kind::tcp;
  std::string path = "/";       ///< http
  std::string host;             ///< http: the Host header; empty: the endpoint's address
  unsigned least_status = 200;  ///< http
  unsigned most_status = 399;
  duration interval = std::chrono::seconds{5};  ///< from check to check of one endpoint, give or take a tenth
  duration timeout = std::chrono::seconds{1};   ///< of one check
  unsigned rise = 2;                            ///< good checks in a row that make it up
  unsigned fall = 3;                            ///< bad checks in a row that make it down
  /// http, for endpoints that want a PROXY header: one that says that nobody is behind it.
  std::optional<proxy_version> announce;
};

/// Passive ejection: endpoints that fail clients are left out for a while.
struct outlier_options {
  /// Most that the time of an ejection grows to, in base times.
  static constexpr unsigned most_times = 10;

  unsigned consecutive_failures = 5;
  /// The n-th ejection takes n times as long; every base time that it was in again takes one off.
  duration base_ejection_time = std::chrono::seconds{30};
  unsigned max_ejection_percent = 50;  ///< at most so many are out at once, and never the last that is up
};

}  // namespace shoal
