// SPDX-License-Identifier: Apache-2.0
#include "proxy/config_types.hpp"
#include <shoal/net/config/composite_types.hpp>
#include <shoal/net/config/option_types.hpp>
#include <shoal/net/config/scalar_types.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <expected>
#include <iterator>
#include <string_view>
#include <utility>

namespace shoal::config {
namespace {

constexpr std::size_t most_routes = 10'000;
constexpr std::size_t most_certificates = 10'000;
constexpr std::uint64_t most_header_bytes = 16 * mib;
constexpr std::uint32_t most_headers = 10'000;
constexpr std::uint64_t most_body = mib * mib;  // 1 TiB
constexpr const char* routes_choose = "an http listener chooses by `routes`: remove the key";

type<request_limits> limits_type() {
  using l = request_limits;
  const auto bytes = [](std::string example) { return size_between(1 * kib, most_header_bytes, std::move(example)); };
  return object<l>(
      "limits",
      {field("header_bytes", &l::header_bytes, bytes("64KiB"), "All headers of a request together. Beyond: 431"),
       field("headers", &l::headers, number<std::uint32_t>(1, most_headers), "Headers of a request. Beyond: 431"),
       field("request_line", &l::request_line, bytes("16KiB"), "Method, target and version. Beyond: 414"),
       field("body", &l::body, word_or("unlimited", size_between(1, most_body, "10MiB")),
             "The body of a request, which is streamed and never held whole. Beyond: 413")});
}

type<server_tls> tls_type() {
  using t = server_tls;
  const auto pair = object<certificate>(
      "certificate",
      {field("cert", &certificate::cert, file_type("certs/a.pem"), "The certificate with its chain, PEM").required(),
       field("key", &certificate::key, file_type("certs/a.key"), "Its private key, PEM").required()});
  const auto version = one_of<tls_version>({{"1.2", tls_version::tls_1_2}, {"1.3", tls_version::tls_1_3}});
  return object<t>("tls", {field("certificates", &t::certificates, list(pair, 1, most_certificates),
                                 "Chosen by the name that the client asks for; the first is for clients that don't")
                               .required(),
                           field("min_version", &t::min_version, version, "The oldest version of TLS to speak"),
                           field("client_ca", &t::client_ca, file_type("certs/clients.pem"),
                                 "Clients must show a certificate that it signed (mutual TLS)")});
}

std::optional<problem> check_server_name(std::string_view name) {
  const std::string_view host = name.starts_with("*.") ? name.substr(2) : name;
  if (name == "*" || is_host_name(host)) return std::nullopt;
  return problem{fmt::format("{} can't be the name of a server", in_quotes(name)),
                 "write `db.example.com`, `*.example.com`, or `\"*\"` for the rest"};
}

std::string scope_of(const listener_config& listener) {
  return listener.protocol == listener_protocol::http ? "http" : "tcp";
}

}  // namespace

type<listener_config> listener_type() {
  using l = listener_config;
  const auto protocol = one_of<listener_protocol>({{"tcp", listener_protocol::tcp}, {"http", listener_protocol::http}});
  const auto proxy_protocol = one_of<proxy_protocol_in>({{"off", proxy_protocol_in::off},
                                                         {"accept", proxy_protocol_in::accept},
                                                         {"require", proxy_protocol_in::require}});
  std::vector<key> own{
      field("protocol", &l::protocol, protocol,
            "`tcp` passes bytes on as they are, `http` understands requests and needs `routes`")
          .today_only({"tcp"}),
      field("upstream", &l::upstream, upstream_name_type(), "Where connections go").only_for("tcp", routes_choose),
      field("sni", &l::sni, map(upstream_name_type(), check_server_name),
            "Where TLS connections go, by the name their client asks for: `db.example.com`, `*.example.com` for all "
            "below it, `\"*\"` for the rest. TLS is passed through")
          .only_for("tcp", routes_choose),
      field("routes", &l::routes, list(route_type(), 1, most_routes), "Where requests go; the first that matches wins")
          .not_yet()
          .only_for("http", requests_only),
      field("tls", &l::tls, word_or("off", tls_type()), "Speak TLS to clients").not_yet(),
      field("proxy_protocol", &l::proxy_protocol, proxy_protocol,
            "The PROXY header (v1 or v2) before the first byte: `require` closes connections without one, `accept` "
            "takes both. Whoever can connect is believed"),
      field("limits", &l::limits, limits_type(), "Of a request").not_yet().only_for("http", requests_only),
  };
  // Who listens where and for what comes first, the fine print last.
  std::vector<key> keys = keys_of_base<l, listener_options>(listener_keys());
  constexpr std::ptrdiff_t behind_bind = 2;
  keys.insert(keys.begin() + behind_bind, std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  return scoped_object<l>("listener", std::move(keys), "protocol", scope_of);
}

}  // namespace shoal::config
