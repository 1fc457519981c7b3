// SPDX-License-Identifier: Apache-2.0
// One line per connection: who came, where it went, how much, how long, how it ended.
//
//   12:41:07 front shard=1 127.0.0.1:51734 -> demo/echo in=6B out=6B 1.2ms end=client_eof
//
// Thread rule: any thread; the logger takes the line.
#pragma once

#include <shoal/buffers/check.hpp>
#include <shoal/core/instant.hpp>
#include <shoal/core/log.hpp>
#include <shoal/net/address.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace proxy {

struct access_record {
  std::string_view listener;
  shoal::shard_id shard = 0;
  shoal::address client;
  std::string_view upstream;
  std::string_view endpoint;    ///< "-" when none was reached
  std::uint64_t bytes_in = 0;   ///< from the client
  std::uint64_t bytes_out = 0;  ///< to the client
  shoal::duration took{};
  std::string end;  ///< why it ended: client_eof, upstream_reset, idle_timeout, ...
};

/// The line without its time.
[[nodiscard]] std::string to_string(const access_record& record);

/// "client" + errc::eof -> "client_eof"; timeouts and limits go without the side, they are nobody's doing.
[[nodiscard]] std::string end_word(std::string_view side, std::error_code reason);

}  // namespace proxy
