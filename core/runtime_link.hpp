// SPDX-License-Identifier: Apache-2.0
// runtime_link: one run of a runtime, from its start() to its end, for those who may outlive it.
//
// Thread rule: any thread.
// Invariant: post() reaches the run that the link was taken from, or nothing: after a stop and a new start the link is
//   another one.
#pragma once

#include <shoal/core/mailbox.hpp>

#include <memory>
#include <mutex>

namespace shoal {

class runtime;

class runtime_link {
 public:
  explicit runtime_link(runtime& owner) noexcept : owner_(&owner) {}

  /// Runs `item` on a shard, in "drain mail". False, the item stays the caller's, when that run is over.
  [[nodiscard]] bool post(shard_id to, std::unique_ptr<foreign_item>& item) noexcept;
  /// By the runtime: the run is over.
  void cut() noexcept;

 private:
  std::mutex mutex_;
  runtime* owner_;
};

}  // namespace shoal
