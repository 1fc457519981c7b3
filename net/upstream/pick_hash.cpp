// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/pick_hash.hpp>

#include <shoal/net/upstream/endpoint.hpp>

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <map>

namespace shoal {

std::uint64_t pick_hash(std::string_view bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t pick_hash(const address& client) noexcept {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  auto bytes = client.ip_bytes();
  if (bytes.size() == 16 && std::ranges::equal(bytes.first(mapped.size()), mapped)) bytes = bytes.last(4);
  return pick_hash(std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::vector<std::string> detail::hash_identities(std::span<const endpoint_options> endpoints) {
  std::map<std::string, unsigned> seen;
  std::vector<std::string> made;
  made.reserve(endpoints.size());
  for (const auto& e : endpoints) {
    std::string identity = to_string(e.where);
    const unsigned before = seen[identity]++;
    if (before != 0) identity += "#" + std::to_string(before);
    made.push_back(std::move(identity));
  }
  return made;
}

}  // namespace shoal
