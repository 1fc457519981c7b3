// SPDX-License-Identifier: Apache-2.0
// The hashes by which a client finds its endpoint: XXH3 over bytes, and a finalizer that makes further independent
// numbers of a hash. The same on every shard, in every build and after every restart.
//
// Thread rule: pure functions.
#pragma once

#include <shoal/net/address.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal {

struct endpoint_options;

[[nodiscard]] std::uint64_t pick_hash(std::string_view bytes, std::uint64_t seed = 0) noexcept;
/// Of who connects: the bytes of its IP, whatever the port; IPv4 mapped into IPv6 is IPv4. Unix clients are all the
/// same one.
[[nodiscard]] std::uint64_t pick_hash(const address& client) noexcept;

/// Another number, as good as independent, for each `salt`.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t salt) noexcept {
  std::uint64_t z = hash ^ (salt + 0x9e3779b97f4a7c15ULL + (hash << 6U));
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;  // splitmix64's finalizer
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

namespace detail {

/// What each endpoint is known by to the hashes: its address, so that neither its place in the list nor its name
/// decides who goes there. One that is listed twice counts as two.
[[nodiscard]] std::vector<std::string> hash_identities(std::span<const endpoint_options> endpoints);

}  // namespace detail

}  // namespace shoal
