// SPDX-License-Identifier: Apache-2.0
// shard_metrics: what one shard counts about itself, and all shards' together as metrics.
//
//   auto here = look_at(shard::current());              // on each shard, for instance by submit_to()
//   metrics_text page;
//   write_metrics(page, all);                           // one sample per metric and shard
//
// Thread rule: look_at() on the shard; the rest anywhere.
#pragma once

#include <shoal/core/mailbox.hpp>
#include <shoal/core/metrics_text.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/net/connection_table.hpp>

#include <cstddef>
#include <span>

namespace shoal {

struct shard_metrics {
  shard_id id = 0;
  load_snapshot load;
  shard_counters loop;
  poller_counters io;
  mailbox_counters mail;
  connection_counters connections;
  slab_counters memory;
  std::size_t memory_limit = 0;  ///< bytes
};

[[nodiscard]] shard_metrics look_at(shard& here);

void write_metrics(metrics_text& page, std::span<const shard_metrics> shards);

}  // namespace shoal
