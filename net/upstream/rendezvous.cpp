// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/rendezvous.hpp>

#include <cmath>

namespace shoal {

rendezvous::rendezvous(std::span<const endpoint_options> endpoints) {
  for (const auto& identity : detail::hash_identities(endpoints)) identities_.push_back(pick_hash(identity));
}

endpoint* rendezvous::pick(const candidates& from) const noexcept {
  endpoint* best = nullptr;
  double highest = 0;
  for (std::size_t i = 0; i < from.all().size(); ++i) {
    endpoint& e = from.all()[i];
    if (!from.may_take(e)) continue;
    // 52 bits and a half, exactly: never 0, never 1.
    const auto drawn = static_cast<double>(mix(from.hash(), identities_[i]) >> 12U) + 0.5;
    const double score = static_cast<double>(from.share(e)) / -std::log(drawn * 0x1p-52);
    if (best != nullptr && score <= highest) continue;
    best = &e;
    highest = score;
  }
  return best;
}

}  // namespace shoal
