// SPDX-License-Identifier: Apache-2.0
// helper_pool: the threads of a runtime that may block, so that no shard does. See offload.hpp for the way to use it.
//
// Thread rule: submit() from any shard of the runtime; start(), stop() and wait_idle() as said there.
// Invariants:
//  1. At most `shards * offloads_per_shard` calls are here at a time: each shard keeps to its share, so the queue has
//     room for all and submit() never waits.
//  2. A call is touched by one helper between submit() and give_back(), and by nobody here afterwards.
#pragma once

#include <shoal/core/mailbox.hpp>

#include <cstddef>
#include <memory>

namespace shoal {

/// Blocking calls of one shard that are queued or running; more wait on the shard, first come first served. Enough to
/// keep helpers busy, and one shard's storm leaves room for the others' calls.
inline constexpr std::size_t offloads_per_shard = 64;

/// A call that may block. It belongs to who waits for it.
class blocking_call : public foreign_item {
 public:
  /// On a helper thread.
  virtual void execute() noexcept = 0;

 private:
  friend class helper_pool;
  mailbox* home_ = nullptr;
};

class helper_pool {
 public:
  helper_pool();
  helper_pool(const helper_pool&) = delete;
  helper_pool& operator=(const helper_pool&) = delete;
  ~helper_pool();

  /// Before the shards run. Throws std::system_error when a thread cannot be made.
  void start(unsigned threads, std::size_t shards);
  /// On a shard: has `call` executed and then given back to that shard.
  void submit(blocking_call& call, mailbox& home) noexcept;
  /// A shard that is quiet, before it is destroyed: until no helper is in the middle of giving back.
  void wait_idle() noexcept;
  /// After the shards are gone.
  void stop() noexcept;

 private:
  struct crew;
  std::unique_ptr<crew> crew_;
};

}  // namespace shoal
