// SPDX-License-Identifier: Apache-2.0
#include "proxy/opening.hpp"

#include "proxy/access_log.hpp"
#include <shoal/core/log_format.hpp>
#include <shoal/net/proxy_protocol/read_proxy_header.hpp>
#include <shoal/net/proxy_protocol/write_proxy_header.hpp>
#include <shoal/net/sni/read_server_name.hpp>
#include <shoal/net/writer.hpp>

#include <utility>

namespace proxy {
namespace {

using shoal::config::proxy_protocol_in;
using shoal::config::proxy_protocol_out;

// Scanners and misconfigured clients come in crowds: one line a second, with a count.
constexpr shoal::duration report_interval = std::chrono::seconds{1};

/// The client went, or we stop: nobody sent anything wrong.
bool is_an_end(std::error_code why) {
  return why == shoal::errc::eof || why == shoal::errc::closed || why == shoal::errc::stopped ||
         why == std::errc::connection_reset || why == std::errc::broken_pipe;
}

}  // namespace

/// What a client should say, and the words for one who did not.
struct opening_reader::expected {
  std::string_view name;
  std::string_view bad;
  std::string_view late;
};

opening_reader::opening_reader(const shoal::config::listener_config& listener, const shoal::server_names& by_name)
    : listener_(listener), by_name_(by_name), gate_(report_interval) {}

bool opening_reader::is_wanted(const shoal::config::listener_config& listener) noexcept {
  return listener.proxy_protocol != proxy_protocol_in::off || !listener.sni.empty();
}

shoal::task<opening> opening_reader::read(shoal::connection& client) {
  opening made{.client = client.remote()};
  if (listener_.proxy_protocol != proxy_protocol_in::off) {
    auto reading = read_header(client, made);
    co_await reading;
  }
  if (!by_name_.empty() && made.refused.empty()) {
    auto reading = read_hello(client, made);
    co_await reading;
  }
  co_return made;
}

shoal::task<> opening_reader::read_header(shoal::connection& client, opening& to) {
  const auto policy = listener_.proxy_protocol == proxy_protocol_in::require ? shoal::proxy_header_policy::require
                                                                             : shoal::proxy_header_policy::accept;
  const shoal::instant deadline = client.owner().now() + listener_.timeouts.proxy_header;
  auto reading = shoal::read_proxy_header(client, policy, deadline);
  auto header = co_await reading;
  if (!header) {
    constexpr expected words{"PROXY header", "bad_proxy_header", "proxy_header_timeout"};
    refuse(client, to, words, header.error());
    co_return;
  }
  to.header = *std::move(header);
  if (!to.header) co_return;
  to.header_bytes = client.input().read_position();
  if (to.header->source.is_set()) to.client = to.header->source;
}

shoal::task<> opening_reader::read_hello(shoal::connection& client, opening& to) {
  const shoal::instant deadline = client.owner().now() + listener_.timeouts.tls_handshake;
  auto reading = shoal::read_server_name(client, deadline);
  const auto name = co_await reading;
  if (!name) {
    constexpr expected words{"ClientHello", "bad_client_hello", "client_hello_timeout"};
    refuse(client, to, words, name.error());
    co_return;
  }
  if (const auto where = by_name_.find(*name)) {
    to.upstream = *where;
    co_return;
  }
  to.refused = "no_sni_match";
  client.close(shoal::close_how::drain, make_error_code(shoal::errc::no_endpoint));
  report(client, "sni",
         name->empty() ? "the client names no server, and there is no \"*\"" : "no upstream for " + *name);
}

void opening_reader::refuse(shoal::connection& client, opening& from, const expected& words, std::error_code why) {
  using shoal::close_how;
  if (is_an_end(why) || !client.is_active()) {
    from.refused = end_word("client", client.is_active() ? why : client.reason());
    return client.close(close_how::drain, why);
  }
  const bool is_late = why == shoal::errc::read_timeout;
  from.refused = is_late ? words.late : words.bad;
  // Whoever says nothing may still be in its connect(), and has an orderly end; nonsense has none.
  client.close(is_late ? close_how::drain : close_how::reset, why);
  report(client, words.name, why.message());
}

void opening_reader::report(const shoal::connection& client, std::string_view what, std::string_view why) {
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
