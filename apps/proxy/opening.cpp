// SPDX-License-Identifier: Apache-2.0
#include "proxy/opening.hpp"

#include "proxy/access_log.hpp"
#include <shoal/core/log_format.hpp>
#include <shoal/net/proxy_protocol/read_proxy_header.hpp>
#include <shoal/net/proxy_protocol/write_proxy_header.hpp>
#include <shoal/net/writer.hpp>

#include <cctype>
#include <utility>

namespace proxy {
namespace {

using shoal::config::proxy_protocol_in;
using shoal::config::proxy_protocol_out;

// Scanners and misconfigured clients come in crowds: one line a second, with a count.
constexpr shoal::duration report_interval = std::chrono::seconds{1};

/// "PROXY header" -> "proxy_header"
std::string word_of(std::string_view what) {
  std::string word(what);
  for (char& c : word) c = c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

/// The client went, or we stop: nobody sent anything wrong.
bool is_an_end(std::error_code why) {
  return why == shoal::errc::eof || why == shoal::errc::closed || why == shoal::errc::stopped ||
         why == std::errc::connection_reset || why == std::errc::broken_pipe;
}

}  // namespace

opening_reader::opening_reader(const shoal::config::listener_config& listener)
    : listener_(listener), gate_(report_interval) {}

bool opening_reader::is_wanted(const shoal::config::listener_config& listener) noexcept {
  return listener.proxy_protocol != proxy_protocol_in::off;
}

shoal::task<opening> opening_reader::read(shoal::connection& client) {
  opening made{.client = client.remote()};
  const auto policy = listener_.proxy_protocol == proxy_protocol_in::require ? shoal::proxy_header_policy::require
                                                                             : shoal::proxy_header_policy::accept;
  const shoal::instant deadline = client.owner().now() + listener_.timeouts.proxy_header;
  auto header = co_await shoal::read_proxy_header(client, policy, deadline);
  if (!header) {
    refuse(client, made, "PROXY header", header.error());
    co_return made;
  }
  made.header = *std::move(header);
  if (made.header) {
    made.header_bytes = client.input().read_position();
    if (made.header->source.is_set()) made.client = made.header->source;
  }
  co_return made;
}

void opening_reader::refuse(shoal::connection& client, opening& from, std::string_view what, std::error_code why) {
  using shoal::close_how;
  if (is_an_end(why) || !client.is_active()) {
    from.refused = end_word("client", client.is_active() ? why : client.reason());
    return client.close(close_how::drain, why);
  }
  const bool is_late = why == shoal::errc::read_timeout;
  from.refused = is_late ? word_of(what) + "_timeout" : "bad_" + word_of(what);
  // Whoever says nothing may still be in its connect(), and has an orderly end; nonsense has none.
  client.close(is_late ? close_how::drain : close_how::reset, why);
  shoal::shard& here = client.owner();
  const auto left_out = gate_.pass(here.now());
  if (!left_out) return;
  const std::string more = *left_out == 0 ? "" : " (" + std::to_string(*left_out) + " more in the last second)";
  log_warning(here.log(), "{} shard={} {}: closed: {}: {}{}", listener_.name, here.id(), client.remote(), what, why,
              more);
}

shoal::result<void> announce(shoal::connection& endpoint, proxy_protocol_out how, shoal::connection& client,
                             const opening& from) {
  if (how == proxy_protocol_out::off) return {};
  shoal::proxy_header header;
  if (from.header) header = *from.header;
  header.version = how == proxy_protocol_out::v1 ? shoal::proxy_version::v1 : shoal::proxy_version::v2;
  header.is_local = false;  // whoever sent us a health check: this connection is made for him
  if (!header.source.is_set()) {
    header.source = client.remote();
    if (auto asked = client.local()) header.destination = *std::move(asked);
  }
  if (auto written = shoal::write_proxy_header(endpoint.output(), header); !written) return written;
  // What the client already sent leaves together with it; the relay would have it wait for a turn.
  if (auto moved = endpoint.output().append(client.input().take_all()); !moved) return moved;
  endpoint.flush();
  return {};
}

}  // namespace proxy
