// SPDX-License-Identifier: Apache-2.0
// The contract all back ends keep (epoll, io_uring, simulated): one completion-shaped face, see core/fd_operator.hpp.
//
// Thread rule: owner shard only, but for wake(), which any thread may call.
// Invariants:
//  1. poll() is the only method that does input or output or blocks. The asking methods only note what is wanted.
//  2. Reports come inside poll() only. Bytes of one operator are reported in order; EOF after all of them.
//  3. Per poll() and operator at most one receive (where the kernel chooses the blocks: `blocks_per_poll`) and one
//     vectored send, per listener at most `accept_budget` accepts, so that one peer cannot hold the shard.
#pragma once

#include <shoal/core/fd_operator.hpp>
#include <shoal/core/fd_watch.hpp>
#include <shoal/core/host/socket_name.hpp>
#include <shoal/core/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace shoal {

class message_gate;

/// Most connections taken from one listener per poll: a storm of accepts must not starve the established ones.
inline constexpr int accept_budget = 64;
/// Most pieces per vectored send. IOV_MAX is 1024; 64 pieces of 4 KiB are 256 KiB, the usual socket buffer, and keep
/// the array at 1 KiB of stack.
inline constexpr std::size_t send_pieces = 64;

/// Most blocks that one peer may fill in one go where the kernel chooses them: 64 KiB, the usual most that loopback
/// delivers at once. A peer that sends faster than that gets larger blocks of its own.
inline constexpr std::size_t blocks_per_poll = 16;

struct poller_counters {
  std::uint64_t polls = 0;  ///< calls of poll()
  std::uint64_t waits = 0;  ///< of them, calls into the kernel that might sleep
  std::uint64_t events = 0;
  std::uint64_t receives = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t sends = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t sends_blocked = 0;  ///< a full socket buffer
  std::uint64_t accepts = 0;
  std::uint64_t accept_errors = 0;
  std::uint64_t connects = 0;
  std::uint64_t buffers_exhausted = 0;  ///< receives that found the ring of provided buffers empty; they go on later
};

/// Asked by poll() right before it would block: whether something became runnable meanwhile (a report scheduled a
/// delivery or a task). Saves a poll that only delivers acknowledgements.
class poll_sleeper {
 public:
  /// The deadline to block until, at most `deadline`; a time in the past means "do not block". Publishes "asleep".
  virtual instant before_block(instant deadline) = 0;
  virtual void after_block() = 0;

 protected:
  ~poll_sleeper() = default;
};

class poller {
 public:
  poller() = default;
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  virtual ~poller() = default;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Why this back end was chosen, for the start line.
  [[nodiscard]] virtual std::string_view reason() const noexcept = 0;

  /// Where to take blocks to receive into, for back ends that hand some to the kernel; before the first attach().
  virtual void use_memory(slab& memory) { static_cast<void>(memory); }
  /// Gives back all blocks that no operator has: nothing is attached any more.
  virtual void release_memory() noexcept {}
  /// Bytes of the slab that lie ready for the kernel, whatever operators there are.
  [[nodiscard]] virtual std::size_t memory_held() const noexcept { return 0; }

  /// Starts to watch the operator's descriptor, which must be connected or listening. Not needed after connect().
  [[nodiscard]] virtual std::error_code attach(fd_operator& op) = 0;
  virtual void receive(fd_operator& op, bool on) = 0;
  virtual void send(fd_operator& op) = 0;
  virtual void accept(fd_operator& op, bool on) = 0;
  /// Connects; the outcome is reported by connected(). `name` is copied.
  virtual void connect(fd_operator& op, socket_name_view name) = 0;
  virtual void retire(fd_operator& op) = 0;

  /// Reports when `w`'s descriptor can be read or written, see core/fd_watch.hpp; at least one of them. Asked again, it
  /// changes what is wanted. Errors: the kernel's (ENOMEM, EPERM for a regular file); errc::not_supported in a
  /// simulation, which has no descriptors of the kernel's.
  [[nodiscard]] virtual std::error_code watch(fd_watch& w, bool readable, bool writable);
  /// No report comes from here on: the watch may be destroyed and its descriptor closed at once. Harmless for one that
  /// is not watched.
  virtual void unwatch(fd_watch& w) noexcept;

  /// Submits what is wanted, reaps what is done, blocks until `deadline` when there is nothing (never = no limit). May
  /// come back early, as after a signal.
  virtual void poll(instant deadline, poll_sleeper& sleeper) = 0;
  /// Ends a poll() that blocks, or the next one if none does. Any thread, any time between construction and
  /// destruction.
  virtual void wake() noexcept = 0;
  /// The same from the thread of a shard that polls with `waker`; may leave with that poller's next poll().
  virtual void wake_from(poller& waker) noexcept {
    static_cast<void>(waker);
    wake();
  }
  /// What may make the owner's messages late, in a simulation; else nullptr.
  [[nodiscard]] virtual message_gate* gate() noexcept { return nullptr; }

  /// Operators attached and not yet retired, and descriptors watched; none may be left when the shard ends.
  [[nodiscard]] std::size_t attached() const noexcept { return attached_; }
  [[nodiscard]] const poller_counters& counters() const noexcept { return counters_; }

 protected:
  poller_counters counters_;
  std::size_t attached_ = 0;
};

}  // namespace shoal
