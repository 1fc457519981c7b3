// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/poller/uring_probe.hpp>

#include <shoal/core/poller/uring_error.hpp>

#include <liburing.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

namespace shoal {
namespace {

constexpr unsigned features =
    IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_CQE_SKIP;
constexpr std::array operations{IORING_OP_ACCEPT,  IORING_OP_RECV,         IORING_OP_SEND,    IORING_OP_SENDMSG,
                                IORING_OP_CONNECT, IORING_OP_ASYNC_CANCEL, IORING_OP_POLL_ADD};

/// A multishot receive over a socket pair of ours, into a ring of one buffer.
class trial {
 public:
  explicit trial(io_uring& ring) : ring_(ring) {}
  trial(const trial&) = delete;
  trial& operator=(const trial&) = delete;
  ~trial() {
    if (registered_) io_uring_unregister_buf_ring(&ring_, group);
    for (const int fd : ends_) {
      if (fd >= 0) ::close(fd);
    }
  }

  [[nodiscard]] std::error_code begin() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_.data()) != 0) {
      return {errno, std::system_category()};
    }
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(&buffers());
    registration.ring_entries = 1;
    registration.bgid = group;
    if (io_uring_register_buf_ring(&ring_, &registration, 0) != 0) return uring_errc::no_buffer_ring;
    registered_ = true;
    io_uring_buf_ring_init(&buffers());
    return {};
  }

  /// Whether a byte comes through, and the receive stays armed. `limit` in bytes, 0 = none.
  [[nodiscard]] bool receives(unsigned limit) {
    char* const buffer = memory_->bytes.data() + memory_->bytes.size() / 2;
    io_uring_buf_ring_add(&buffers(), buffer, 64, 0, io_uring_buf_ring_mask(1), 0);
    io_uring_buf_ring_advance(&buffers(), 1);
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    io_uring_prep_recv_multishot(sqe, ends_[0], nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = group;
    sqe->file_index = limit;  // shares its place with optlen, which liburing 2.3 does not know
    if (::send(ends_[1], "x", 1, MSG_NOSIGNAL) != 1) return false;
    const auto first = next();
    const bool came = first.res == 1 && (first.flags & (IORING_CQE_F_BUFFER | IORING_CQE_F_MORE)) ==
                                            (IORING_CQE_F_BUFFER | IORING_CQE_F_MORE);
    if (!came) {
      std::array<char, 8> rest{};
      [[maybe_unused]] const auto taken = ::recv(ends_[0], rest.data(), rest.size(), 0);
      return false;
    }
    io_uring_prep_cancel_fd(io_uring_get_sqe(&ring_), ends_[0], IORING_ASYNC_CANCEL_ALL);
    next();
    next();  // the receive and the cancel end
    return true;
  }

 private:
  static constexpr int group = 0;
  /// The ring of one buffer at its start (the kernel wants whole pages), the buffer itself at its end.
  struct alignas(4096) page {
    std::array<char, 4096> bytes;
  };

  [[nodiscard]] io_uring_buf_ring& buffers() noexcept {
    return *reinterpret_cast<io_uring_buf_ring*>(memory_->bytes.data());
  }

  io_uring_cqe next() {
    // Two at most come at once, and all of them come: a second is enough for any machine.
    __kernel_timespec limit{.tv_sec = 1, .tv_nsec = 0};
    io_uring_cqe* found = nullptr;
    if (io_uring_submit_and_wait_timeout(&ring_, &found, 1, &limit, nullptr) < 0 || found == nullptr) return {};
    const io_uring_cqe copy{.user_data = found->user_data, .res = found->res, .flags = found->flags};
    io_uring_cqe_seen(&ring_, found);
    return copy;
  }

  io_uring& ring_;
  std::array<int, 2> ends_{-1, -1};
  std::unique_ptr<page> memory_ = std::make_unique<page>();
  bool registered_ = false;
};

}  // namespace

uring_abilities probe_ring(io_uring& ring) {
  if ((ring.features & features) != features) return {.lacks = uring_errc::no_timed_wait};
  struct freed {
    void operator()(io_uring_probe* p) const noexcept { io_uring_free_probe(p); }
  };
  const std::unique_ptr<io_uring_probe, freed> known{io_uring_get_probe_ring(&ring)};
  if (known == nullptr) return {.lacks = uring_errc::no_operation};
  const auto knows = [&known](int operation) { return io_uring_opcode_supported(known.get(), operation) != 0; };
  if (!std::ranges::all_of(operations, knows)) return {.lacks = uring_errc::no_operation};
  uring_abilities found;
  found.messages_rings = knows(IORING_OP_MSG_RING);
  trial t{ring};
  found.lacks = t.begin();
  if (found.lacks) return found;
  found.limits_receives = t.receives(4096);
  if (!found.limits_receives && !t.receives(0)) found.lacks = uring_errc::no_multishot_receive;
  return found;
}

}  // namespace shoal
