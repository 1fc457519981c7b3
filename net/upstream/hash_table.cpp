// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/hash_table.hpp>

#include <shoal/net/upstream/maglev.hpp>
#include <shoal/net/upstream/ring_hash.hpp>
#include <shoal/net/upstream/upstream.hpp>

namespace shoal {

hash_table_ptr make_hash_table(const upstream_options& options) {
  if (options.balance == balance_policy::ring_hash) return std::make_shared<const ring_hash>(options.endpoints);
  if (options.balance == balance_policy::maglev) return std::make_shared<const maglev>(options.endpoints);
  return nullptr;
}

}  // namespace shoal
