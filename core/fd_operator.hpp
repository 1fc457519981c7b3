// SPDX-License-Identifier: Apache-2.0
// fd_operator: ties one descriptor to its shard's poller. Completion-shaped: the operator asks, the poller does the
// input and output by itself and reports what came of it.
//
//        asks (methods of poller)                     reports (virtual, called inside poll())
//   receive(op, on|off)  ----------------->  inputs(): lends booked space; then input_ack(n)
//                                            or, to who takes_blocks(): input_block(a filled block, n)
//   send(op)             ----------------->  outputs() or outputs_held(): lends queued pieces; then output_ack(n)
//   accept(op, on|off)   ----------------->  accepted(fd, peer) / accept_failed(error)
//   connect(op, name)    ----------------->  connected(error)
//   retire(op)           ----------------->  retired(): nothing is in flight any more
//                                            hung_up(error): errc::eof, a reset, ...; nothing more will be received
//
// Thread rule: owner shard only.
// Invariants:
//  1. Reports do bookkeeping only. Application code runs in deliver(), which the shard calls once per turn for each
//     operator that asked for it by shard::schedule_delivery. So no handler runs while a batch of events is walked,
//     and no event can be stale.
//  2. After retire() no report comes but retired(), exactly once; and before it, with a poller that leaves input and
//     output to the kernel, acknowledgements of bytes that were already on their way. What was not acknowledged is
//     still in the socket. An operator is destroyed only after retired().
//  3. An operator belongs to one poller at a time.
#pragma once

#include <shoal/buffers/block_ref.hpp>
#include <shoal/core/host/socket_name.hpp>

#include <boost/intrusive/slist_hook.hpp>

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

namespace shoal {

class fd_operator {
 public:
  // Three lists an operator may stand on at once: the poller's (work it owes), the shard's deliveries, the shard's
  // dirty ones. Single links with a bit each in `flags`; nobody is destroyed while linked (invariant 2).
  struct poller_tag;
  struct delivery_tag;
  struct dirty_tag;
  template <class Tag>
  using list_hook = boost::intrusive::slist_member_hook<boost::intrusive::tag<Tag>,
                                                        boost::intrusive::link_mode<boost::intrusive::safe_link>>;

  fd_operator() = default;
  explicit fd_operator(int fd) noexcept : fd_(fd) {}
  fd_operator(const fd_operator&) = delete;
  fd_operator& operator=(const fd_operator&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }

  // ---- reports, by the poller, inside poll() ----

  /// Space to receive into, booked in the input buffer. Empty: no memory or not wanted; receiving is off until asked
  /// for again.
  virtual std::span<std::byte> inputs() = 0;
  /// `filled` bytes stand in the space lent last; 0 gives the booking back.
  virtual void input_ack(std::size_t filled) = 0;
  /// Whether bytes may come in blocks of the shard's slab that the kernel chose, one for each receive however short.
  /// Asked again and again; while it says no they come by inputs().
  [[nodiscard]] virtual bool takes_blocks() const noexcept { return false; }
  /// The first `filled` bytes of this block were received; it is the operator's now. Some may still come
  /// after takes_blocks() began to say no.
  virtual void input_block(block_ref&& filled_block, std::size_t filled);
  /// Fills `pieces` with what is to be sent, at most as many as fit; the count. 0: nothing (any more).
  virtual std::size_t outputs(std::span<iovec> pieces) = 0;
  /// The same for a poller that leaves the sending to the kernel: `holds`, as long as `pieces`, gets what keeps the
  /// memory of each piece in place until output_ack(), whatever becomes of the operator's buffer.
  virtual std::size_t outputs_held(std::span<iovec> pieces, std::span<block_ref> holds);
  /// `sent` bytes have been handed to the kernel.
  virtual void output_ack(std::size_t sent) = 0;
  /// The peer finished (errc::eof), reset, or the socket failed. Receiving has ended; after any error but eof, sending
  /// too. Each comes once at most, eof first; asking for more is harmless then.
  virtual void hung_up(std::error_code reason) = 0;
  /// Nothing of this operator is in flight any more; it may be freed, moved, or its fd closed.
  virtual void retired() = 0;
  /// Listeners: one accepted descriptor. Owned by the callee from here on.
  virtual void accepted(int accepted_fd, socket_name_view peer);
  /// Listeners: accept failed (EMFILE and kin). Accepting is off until asked for again.
  virtual void accept_failed(std::error_code reason);
  /// Dialled: the outcome of connect; receive() and send() are allowed from now on when there is no error.
  virtual void connected(std::error_code outcome);

  // ---- steps of the turn, by the shard ----

  /// Runs application code for what the reports left behind.
  virtual void deliver() = 0;
  /// End of turn: commit and hand over what became dirty during it (shard::mark_dirty).
  virtual void flush_dirty() {}

  list_hook<poller_tag> poller_hook;
  list_hook<delivery_tag> delivery_hook;
  list_hook<dirty_tag> dirty_hook;

 protected:
  virtual ~fd_operator() = default;  // protected: never destroyed through this face
  void set_fd(int fd) noexcept { fd_ = fd; }
  /// The shard will still call deliver() or flush_dirty().
  [[nodiscard]] bool is_linked_to_shard() const noexcept { return delivery_pending_ || dirty_; }

 private:
  friend class epoll_poller;
  friend class uring_poller;
  friend class shard;

  void* poller_state_ = nullptr;  // owned by the poller, for what needs more than flags
  int fd_ = -1;
  std::uint16_t poller_flags_ = 0;  // owned by the poller: what is wanted, what is ready
  bool delivery_pending_ = false;   // owned by the shard
  bool dirty_ = false;              // owned by the shard
};

}  // namespace shoal
