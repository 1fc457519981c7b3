// SPDX-License-Identifier: Apache-2.0
// The hooks of the order test: they do what their record says, and write down what they see.
//
// Thread rule: the shard's; the records belong to the test, which is on the same thread.
#pragma once

#include <tests/sim/order_record.hpp>

#include <functional>

namespace shoal::test {

/// Whose connection it is.
using order_lookup = std::function<order_record&(connection&)>;

inline constexpr std::size_t order_message = 4;
inline constexpr std::size_t order_chunk = 1000;
inline constexpr std::size_t order_high = 4 * order_chunk;  ///< above this a writer waits

[[nodiscard]] connection_hooks order_hooks(order_style style, order_lookup lookup);
/// Every time limit is far below what passes at a `timeout`, and they come one after the other.
[[nodiscard]] connection_options order_options(order_style style, bool filtered);

}  // namespace shoal::test
