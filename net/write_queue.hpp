// SPDX-License-Identifier: Apache-2.0
// write_queue: one producer's end of a connection that many write to, from any shard of its runtime. (netpoll's
// mux.ShardQueue.) The bytes travel uncopied; what arrives in one turn leaves in one flush.
//
//   producer's shard                              connection's shard
//   try_post(bytes) --foreign slice, by lane-->   appended to the output, flushed at the end of the turn
//   under_way() falls  <--reply--                 once the output is below its high mark
//
// Thread rule: the shard that made it. A producer per shard and task; any number may write to one connection.
// Invariants:
//  1. What one queue takes arrives whole and in order; nothing of it is cut by what others write.
//  2. At most max_under_way bytes, and one post more, are on the way: a slow peer slows its producers, wherever they
//     are.
//  3. The first error of a post is the answer to all later ones.
// No heap: posts are nodes of the producer's slab.
#pragma once

#include <shoal/buffers/link_buffer.hpp>
#include <shoal/core/counted_ptr.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/core/task.hpp>
#include <shoal/net/connection_id.hpp>

#include <cstddef>

namespace shoal {

class write_queue {
 public:
  /// As much as a connection's output takes by default before it says that it is full.
  static constexpr std::size_t default_max_under_way = std::size_t{256} << 10;

  explicit write_queue(connection_id to, std::size_t max_under_way = default_max_under_way);
  write_queue(write_queue&&) noexcept = default;
  write_queue& operator=(write_queue&&) = delete;
  /// What is under way arrives all the same. Nobody may wait.
  ~write_queue();

  /// Takes all of `bytes`, which are this shard's. Errors, the bytes stay the caller's: errc::would_block when too many
  /// are under way or the lane is full; errc::no_memory; the first error of an earlier post: errc::stale_connection,
  /// errc::closed or why the connection ended.
  std::error_code try_post(link_buffer&& bytes);

  /// The same, and waits instead of errc::would_block.
  /// Resume rule: on this shard, in "run tasks" or "drain mail". Waiters: any number, woken in their order. Stop: ends
  /// with the connection's error when that is gone. Lifetime: the queue must outlive the wait.
  [[nodiscard]] task<result<void>> post(link_buffer bytes);

  /// Waits until nothing is under way: all was taken by the connection, or the first error.
  /// Resume rule and the rest: as post().
  [[nodiscard]] task<result<void>> drained();

  [[nodiscard]] std::size_t under_way() const noexcept;

 private:
  struct state;
  struct parcel;
  class wait;
  [[nodiscard]] std::error_code offer(link_buffer& bytes);
  friend void intrusive_ptr_add_ref(state* s) noexcept;
  friend void intrusive_ptr_release(state* s) noexcept;

  counted_ptr<state> state_;
};

}  // namespace shoal
