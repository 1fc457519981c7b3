// SPDX-License-Identifier: Apache-2.0
// What a listener has done on one shard, and what one shard says about the whole proxy: the rows of /metrics.
//
// Thread rule: counted on the shard; looked at there; a look may travel.
// Invariant: one connection is one line of the access log and one of `ends`, counted on the shard where it ended.
#pragma once

#include <shoal/net/shard_metrics.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace proxy {

struct alignas(64) traffic {
  std::uint64_t bytes_in = 0;  // from clients, but for headers that are not passed on
  std::uint64_t bytes_out = 0;
  std::map<std::string, std::uint64_t, std::less<>> ends;  // by the word of the access log

  void add(const std::string& end, std::uint64_t in, std::uint64_t out) {
    bytes_in += in;
    bytes_out += out;
    ++ends[end];
  }
};

using traffic_by_shard = std::vector<traffic>;

struct endpoint_look {
  bool up = true;
  std::uint64_t connections = 0;  // open, or being opened
  std::uint64_t attempts = 0;
  std::uint64_t failures = 0;

  /// Together they are up where all are.
  void add(const endpoint_look& other) {
    up = up && other.up;
    connections += other.connections;
    attempts += other.attempts;
    failures += other.failures;
  }
};

struct listener_look {
  std::uint64_t connections = 0;  // open
  traffic done;
  std::vector<std::vector<endpoint_look>> upstreams;  // those of the listener, each with its endpoints
};

struct proxy_look {
  shoal::shard_metrics shard;
  std::vector<listener_look> listeners;
};

}  // namespace proxy
