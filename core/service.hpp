// SPDX-License-Identifier: Apache-2.0
// service: something that lives on every shard of a runtime between its start and its stop, such as a server.
//
// Order: prepare() once, before start() on any shard -> start() on every shard -> ... -> stop() on every shard,
// services in reverse order of adding (D14) -> finished() once. What a service has no use for it leaves out.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/instant.hpp>
#include <shoal/core/task.hpp>

#include <string>

namespace shoal {

class runtime;
class shard;

/// Why a start failed: the error and what it was about, for the person who reads the log.
struct start_failure {
  std::error_code error;
  std::string what;
};

class service {
 public:
  service() = default;
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// On the thread that starts it. What fails here (a port in use) fails the start.
  [[nodiscard]] virtual std::expected<void, start_failure> prepare(runtime& /*owner*/) { return {}; }
  /// On each shard, before the first turn that may block. An exception fails the start; those that have started before
  /// it are stopped on every shard where they have.
  virtual void start(shard& /*here*/) {}
  /// On each shard: a stop begins, before stop() of the first service there. What takes in new work takes none from now
  /// on, so that nobody's end waits for somebody else's clients.
  virtual void stopping(shard& /*here*/) {}
  /// On each shard: finish gracefully until `deadline`, then by force. Completes when nothing of it is left on this
  /// shard.
  [[nodiscard]] virtual task<> stop(shard& /*here*/, instant /*deadline*/) { co_return; }
  /// Stop now: whatever stop() still waits for is ended by force. On each shard, while stop() runs.
  virtual void hurry(shard& /*here*/) {}
  /// After the shards are gone or it has stopped on all of them, or when the start failed after prepare().
  virtual void finished() noexcept {}

 protected:
  ~service() = default;
};

}  // namespace shoal
