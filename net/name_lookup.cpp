// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/name_lookup.hpp>

#include <algorithm>
#include <array>

namespace shoal {
namespace {

int rank(std::error_code error) {
  if (!error) return -1;
  if (error == errc::name_not_found) return 0;
  if (error == errc::no_address) return 1;
  if (error == errc::resolve_timeout) return 2;
  if (error == errc::name_server_failed) return 3;
  return 4;
}

address with_port(const ip_bytes& bytes, record_kind kind, std::uint16_t port) {
  if (kind == record_kind::ipv6) return address::ipv6(bytes, port);
  return address::ipv4({bytes[0], bytes[1], bytes[2], bytes[3]}, port);
}

}  // namespace

std::error_code more_telling_name_error(std::error_code a, std::error_code b) noexcept {
  return rank(b) > rank(a) ? b : a;
}

name_lookup::name_lookup(std::string_view name) noexcept
    : ipv6_(*this, name, record_kind::ipv6), ipv4_(*this, name, record_kind::ipv4) {}

void name_lookup::question::answered(const result<name_answer>& got) noexcept {
  outcome = got;
  owner.on_answer();
}

void name_lookup::ask(resolver& names, address_families which) {
  if (which != address_families::ipv4) names.ask(ipv6_);
  if (which != address_families::ipv6) names.ask(ipv4_);
}

void name_lookup::cancel() noexcept {
  ipv6_.cancel();
  ipv4_.cancel();
}

std::vector<address> name_lookup::addresses(record_kind kind, std::uint16_t port) const {
  std::vector<address> all;
  const auto& outcome = of(kind).outcome;
  if (!outcome || !*outcome) return all;
  for (const ip_bytes& bytes : (*outcome)->addresses) {
    if (all.size() == max_addresses_per_kind) break;
    all.push_back(with_port(bytes, kind, port));
  }
  return all;
}

duration name_lookup::ttl() const noexcept {
  duration least = duration::max();
  for (const auto* q : {&ipv6_, &ipv4_}) {
    if (q->outcome && *q->outcome) least = std::min(least, (*q->outcome)->ttl);
  }
  return least;
}

std::error_code name_lookup::error() const noexcept {
  std::error_code found;
  for (const auto* q : {&ipv6_, &ipv4_}) {
    if (q->is_pending()) {
      found = more_telling_name_error(found, errc::resolve_timeout);
    } else if (q->outcome && !*q->outcome) {
      found = more_telling_name_error(found, q->outcome->error());
    }
  }
  return found;
}

}  // namespace shoal
