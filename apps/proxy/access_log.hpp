// SPDX-License-Identifier: Apache-2.0
// One line per connection: who came, where it went, how much, how long, how it ended.
//
//   12:41:07 front shard=1 127.0.0.1:51734 -> demo/echo in=6B out=6B 1.2ms end=client_eof
//   12:41:09 db shard=0 10.0.0.7:40112 -> pg/10.0.1.2:5432 in=310B out=4198B connect=240us first_byte=1.9ms 3.0s
//     end=client_eof                                                   (attempts=2 before `end` if it took as many)
//   {"time":"2026-01-31T11:41:07.123Z","listener":"front","client":...,"end":"client_eof"}
//
// Thread rule: write() on the shard of the record; the rest from any thread.
// Invariant: a shard never waits for the output; what it does not take is dropped and counted (shard_log.hpp).
#pragma once

#include "proxy/config.hpp"
#include <shoal/core/instant.hpp>
#include <shoal/core/log_line.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/service.hpp>
#include <shoal/core/shard_log.hpp>
#include <shoal/net/address.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace proxy {

struct access_record {
  std::string_view listener;
  shoal::shard_id shard = 0;
  shoal::address client;
  std::string_view upstream;
  std::string_view endpoint;    ///< "-" when none was reached
  std::uint64_t bytes_in = 0;   ///< from the client
  std::uint64_t bytes_out = 0;  ///< to the client
  shoal::instant ended;
  shoal::duration took{};                     ///< from the accept to the end
  std::optional<shoal::duration> connect;     ///< from the choice of the first endpoint to the connection
  std::optional<shoal::duration> first_byte;  ///< from the accept to the endpoint's first byte
  unsigned attempts = 0;                      ///< endpoints tried
  std::string end;                            ///< why it ended: client_eof, upstream_reset, idle_timeout, ...
};

/// The line without its time.
[[nodiscard]] std::string to_text(const access_record& record);
/// A JSON object: time, listener, client, upstream, endpoint, shard, bytes_in, bytes_out, connect_ms, first_byte_ms,
/// duration_ms, attempts, end. What there was not is null. Bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string to_json(const access_record& record, std::chrono::system_clock::time_point ended);

/// "client" + errc::eof -> "client_eof"; timeouts and limits go without the side, they are nobody's doing.
[[nodiscard]] std::string end_word(std::string_view side, std::error_code reason);

/// A service, since it has a buffer per shard: add it before what writes to it. Its file is opened when the runtime
/// starts (a failed start says which file and why), and has all lines when the runtime has stopped.
class access_log final : public shoal::service {
 public:
  /// `owner` must outlive it.
  access_log(shoal::runtime& owner, shoal::config::access_log_options options, std::shared_ptr<shoal::host> machine);
  ~access_log();

  void write(const access_record& record);
  /// Opens the file anew, after it was renamed.
  [[nodiscard]] shoal::result<void> reopen();

 private:
  std::expected<void, shoal::start_failure> prepare(shoal::runtime& owner) override;
  void finished() noexcept override;

  shoal::runtime& runtime_;
  const shoal::config::access_log_options options_;
  std::shared_ptr<shoal::host> machine_;
  std::vector<shoal::log_line_writer> texts_;  // by shard
  std::unique_ptr<shoal::shard_log> lines_;    // while the runtime runs
};

}  // namespace proxy
