// SPDX-License-Identifier: Apache-2.0
// opening: what a client says before its bytes are passed on, and what the endpoint is told of it.
//
//   client: [PROXY header] [ClientHello] bytes...  --read()-->  --announce()-->  endpoint: [PROXY header] bytes...
//
// The header is taken; the ClientHello, of which `sni` wants to know the server name, is only looked at.
//
// Thread rule: the shard of the client; a reader belongs to one shard.
// Invariant: a client whose opening is refused gets no reply, one line of the log (per second and listener; the number
//   of those left out is added) and the word for its access record.
#pragma once

#include "proxy/config.hpp"
#include <shoal/core/log_gate.hpp>
#include <shoal/core/task.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/proxy_protocol/proxy_header.hpp>
#include <shoal/net/sni/server_names.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace proxy {

struct opening {
  /// Who the client is: as announced, or the socket's.
  shoal::address client;
  /// What was announced, if anything.
  std::optional<shoal::proxy_header> header;
  std::uint64_t header_bytes = 0;
  /// Where it goes, of the listener's upstreams.
  std::size_t upstream = 0;
  /// Not empty: the client is closed, and this is how its access record ends.
  std::string refused;
};

class opening_reader {
 public:
  /// `by_name`: of the listener's `sni`, if it has one. Both must outlive it.
  opening_reader(const shoal::config::listener_config& listener, const shoal::server_names& by_name);

  /// Whether clients of this listener say anything first.
  [[nodiscard]] static bool is_wanted(const shoal::config::listener_config& listener) noexcept;
  /// From an on_connect hook. Resume rule: on the client's shard, as reader's waits.
  [[nodiscard]] shoal::task<opening> read(shoal::connection& client);

 private:
  struct expected;

  [[nodiscard]] shoal::task<> read_header(shoal::connection& client, opening& to);
  [[nodiscard]] shoal::task<> read_hello(shoal::connection& client, opening& to);
  void refuse(shoal::connection& client, opening& from, const expected& words, std::error_code why);
  void report(const shoal::connection& client, std::string_view what, std::string_view why);

  const shoal::config::listener_config& listener_;
  const shoal::server_names& by_name_;
  shoal::log_gate gate_;
};

/// Sends the PROXY header that `how` asks for to the endpoint, with what the client already sent behind it. TLVs of the
/// client's own header go along in v2, and its checksum as a new one: who wanted the header guarded has it guarded all
/// the way, and for others it stays as short as receivers that know no TLVs may like it.
/// Errors: those of write_proxy_header().
[[nodiscard]] shoal::result<void> announce(shoal::connection& endpoint, shoal::config::proxy_protocol_out how,
                                           shoal::connection& client, const opening& from);

}  // namespace proxy
