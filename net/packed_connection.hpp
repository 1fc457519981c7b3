// SPDX-License-Identifier: Apache-2.0
// packed_connection: a connection between two shards: all of it that is not bound to one.
//
// Thread rule: packed on one shard, unpacked on another or back on the first; nobody looks inside on the way.
// Invariant: owns nothing of the old shard but bytes, which go home by themselves (foreign_slice.hpp).
#pragma once

#include <shoal/buffers/foreign_slice.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/filter.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace shoal {

struct packed_connection {
  connection_id id;
  int fd = -1;
  address remote;
  connection_observer* left = nullptr;  ///< the old shard's; only asked for its successor
  std::optional<connection_timeouts> own_timeouts;

  bool dialled = false;
  bool eof = false;
  bool new_bytes = false;
  bool final_call_made = false;
  bool keep_half_open = false;
  bool fin_wanted = false;
  bool fin_sent = false;
  bool shutting_down = false;
  bool paused_by_output = false;
  bool paused_by_relay = false;
  instant opened_at;
  instant last_activity;
  instant write_progress;

  /// Where the two streams stand; what is in the slices comes behind.
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  foreign_slice input;
  foreign_slice output;
  foreign_slice raw_input;  ///< under a filter
  foreign_slice raw_output;

  std::unique_ptr<filter_stage> filter;
  std::unique_ptr<connection::rare> rare;
  std::unique_ptr<connection::context_base> context;
};

}  // namespace shoal
