// SPDX-License-Identifier: Apache-2.0
// uring_ring: one io_uring with the required set of features (D12): set-up, submission, the wait. It knows nothing of
// operators; liburing stays in the .cpp files.
//
// Thread rule: the thread that made it (SINGLE_ISSUER), which alone runs the ring's deferred work, inside wait().
// Invariant: what an entry points to must live until has_unsubmitted() is false (SUBMIT_STABLE), but for the bytes of
// payload, which the kernel uses until the completion.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/instant.hpp>

#include <memory>

struct io_uring;
struct io_uring_sqe;

namespace shoal {

/// Entries that one system call takes; more are submitted in between.
inline constexpr unsigned uring_submissions = 512;
/// Completions that wait for the shard without overflowing. 64 KiB of kernel memory.
inline constexpr unsigned uring_completions = 4096;

class uring_ring {
 public:
  /// Errors: uring_errc, or the kernel's (EMFILE).
  [[nodiscard]] static result<uring_ring> make();

  [[nodiscard]] io_uring& raw() noexcept { return *ring_; }
  [[nodiscard]] int fd() const noexcept;
  /// Whether one multishot receive can be told to end after so many bytes (Linux 6.17).
  [[nodiscard]] bool can_limit_receives() const noexcept { return can_limit_receives_; }
  /// Whether another ring can be told something.
  [[nodiscard]] bool can_message() const noexcept { return can_message_; }

  /// An empty entry; submits what is there when there is no room.
  [[nodiscard]] io_uring_sqe& entry();
  /// Submits without looking at completions.
  void submit();
  [[nodiscard]] bool has_unsubmitted() const noexcept;

  // One system call each: submits, runs the deferred work, and returns when there are completions, if it waits.
  void submit_and_look();
  void submit_and_wait();
  void submit_and_wait(duration at_most);

 private:
  struct closer {
    void operator()(io_uring* ring) const noexcept;
  };
  uring_ring() = default;

  std::unique_ptr<io_uring, closer> ring_;
  bool can_limit_receives_ = false;
  bool can_message_ = false;
};

}  // namespace shoal
