// SPDX-License-Identifier: Apache-2.0
// Compares what was seen of one connection with what must be.
//
// Thread rule: plain functions.
#pragma once

#include <tests/sim/order_record.hpp>
#include <tests/sim/order_stage.hpp>

namespace shoal::test {

/// Adds to the record's problems. Its runtime has ended.
void judge(order_record& r, const order_setting& setting);

}  // namespace shoal::test
