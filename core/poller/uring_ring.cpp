// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/poller/uring_ring.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/core/poller/uring_error.hpp>
#include <shoal/core/poller/uring_probe.hpp>

#include <liburing.h>

#include <algorithm>
#include <cerrno>

namespace shoal {
namespace {

std::error_code reason_of(int error) {
  switch (error) {
    case EPERM:
    case EACCES: return uring_errc::forbidden;
    case ENOSYS: return uring_errc::not_in_kernel;
    case ENOMEM: return uring_errc::no_memory;
    case EINVAL: return uring_errc::no_deferred_work;
    default: return {error, std::system_category()};
  }
}

/// A wait that ended without completions, or a kernel that wants its completions fetched first, is no failure: the
/// entries that were not taken stay, and the next turn tries again.
void check(int outcome) {
  SHOAL_CHECK(outcome >= 0 || outcome == -ETIME || outcome == -EINTR || outcome == -EAGAIN || outcome == -EBUSY ||
                  outcome == -ENOMEM,
              "io_uring_enter failed");
}

}  // namespace

void uring_ring::closer::operator()(io_uring* ring) const noexcept {
  io_uring_queue_exit(ring);
  delete ring;
}

result<uring_ring> uring_ring::make() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  params.cq_entries = uring_completions;
  auto fresh = std::make_unique<io_uring>();
  if (const int failed = io_uring_queue_init_params(uring_submissions, fresh.get(), &params); failed < 0) {
    return fail(reason_of(-failed));
  }
  uring_ring made;
  made.ring_.reset(fresh.release());
  const auto abilities = probe_ring(*made.ring_);
  if (abilities.lacks) return fail(abilities.lacks);
  made.can_limit_receives_ = abilities.limits_receives;
  made.can_message_ = abilities.messages_rings;
  // Saves the look-up of the descriptor in every call; without it all works as well.
  io_uring_register_ring_fd(made.ring_.get());
  return made;
}

int uring_ring::fd() const noexcept { return ring_->ring_fd; }

io_uring_sqe& uring_ring::entry() {
  for (;;) {
    if (io_uring_sqe* const sqe = io_uring_get_sqe(ring_.get()); sqe != nullptr) return *sqe;
    submit();
  }
}

void uring_ring::submit() { check(io_uring_submit(ring_.get())); }

bool uring_ring::has_unsubmitted() const noexcept { return io_uring_sq_ready(ring_.get()) != 0; }

void uring_ring::submit_and_look() { check(io_uring_submit_and_get_events(ring_.get())); }

void uring_ring::submit_and_wait() { check(io_uring_submit_and_wait(ring_.get(), 1)); }

void uring_ring::submit_and_wait(duration at_most) {
  const auto left = std::max(at_most, duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  __kernel_timespec limit{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  io_uring_cqe* unused = nullptr;
  check(io_uring_submit_and_wait_timeout(ring_.get(), &unused, 1, &limit, nullptr));
}

}  // namespace shoal
