// SPDX-License-Identifier: Apache-2.0
// The resolver of a real host: c-ares on the shard's own loop. Its sockets are watched by the shard's poller, its
// time-outs are on the shard's wheel.
//
//   first ask() --helper thread: /etc/hosts, /etc/resolv.conf--> channel --> ares_getaddrinfo --> sockets <--> fd_watch
//
// /etc/hosts is asked before the servers, and looked at again (by a helper thread) while questions come. What
// /etc/resolv.conf says (servers, search, ndots) is read once. nsswitch.conf plays no part.
//
// Thread rule: one shard, of a runtime that has helper threads.
// Invariants:
//  1. Files are opened on helper threads only; on the shard c-ares makes non-blocking socket calls and nothing else.
//  2. A question that is cancelled goes on inside c-ares, which cannot stop a single one; nobody hears of it.
//
// Not cached here; see net/caching_resolver.hpp.
#pragma once

#include <shoal/core/resolver.hpp>

#include <memory>
#include <string>

namespace shoal {

class shard;

struct name_service_options {
  std::string servers;  ///< "127.0.0.1:5353,[::1]:53"; empty = as /etc/resolv.conf says
  std::string hosts_path = "/etc/hosts";
  /// Of the first try of each server; it doubles. A second, not the five of the resolver's book: a server that is gone
  /// must leave time for the next one within one dial.
  duration timeout = std::chrono::seconds{1};
  int tries = 3;  ///< of each server
};

/// `here` must outlive it.
[[nodiscard]] std::unique_ptr<resolver> make_ares_resolver(shard& here, name_service_options options = {});

}  // namespace shoal
