// SPDX-License-Identifier: Apache-2.0
// The io_uring back end: the kernel receives, sends, accepts and connects by itself, and a turn is one system call that
// submits what is wanted, waits, and brings what is done.
//
//   asks note what is wanted --> submit(): entries --> wait(): io_uring_enter --> reap(): completions --> reports
//
// Receiving. Operators that take blocks have a multishot receive into the shard's ring of provided blocks
// (uring_buffers.hpp): one entry serves many requests, and who is idle holds no memory. After two full blocks in a row,
// or `blocks_per_poll` of them in one poll, an operator is `large`: it gets receives into space of its own, as much as
// it lends, that never wait; between them a poll tells when there is something. After two small receives in a row it is
// back. Operators that take no blocks, or none while bytes pile up in them, are served that way, too.
//
// Sending. A send never waits in the kernel: what a full socket leaves over is sent again when a multishot poll tells
// of room, one for the life of the connection. A send that waits asks for POLLRDHUP as well, unasked; once the peer has
// sent its end it would be tried again and again and then sit in a thread of io_uring's own, out of a cancel's reach.
//
// Thread rule: as poller.hpp; made on the thread that polls.
// Invariants:
//  1. An operator stands on `active_` exactly while something is wanted that the kernel does not know yet. While the
//     list is not empty poll() does not block.
//  2. Late data still reaches the operator, in order: a receive that was cancelled ends before another one is armed.
//  3. retired() comes when the kernel has nothing of the operator in hand, see uring_slot.hpp.
//
// Not used yet: zero-copy sends. Measured alone on loopback, of CPU per send: 16 KiB 8 us against 3, 256 KiB 33 us
// against 41. They would need a size to begin at, and blocks kept until a second completion.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/poller/poller.hpp>
#include <shoal/core/poller/uring_buffers.hpp>
#include <shoal/core/poller/uring_ring.hpp>
#include <shoal/core/poller/uring_slot.hpp>
#include <shoal/core/poller/uring_watch.hpp>

#include <boost/intrusive/slist.hpp>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct io_uring_cqe;
struct io_uring_sqe;

namespace shoal {

class alignas(64) uring_poller final : public poller {
 public:
  /// Errors: uring_errc with what is missing or forbidden; EMFILE and kin.
  [[nodiscard]] static result<std::unique_ptr<poller>> make(host& machine, std::string_view reason);
  ~uring_poller() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "io_uring"; }
  [[nodiscard]] std::string_view reason() const noexcept override { return reason_; }

  void use_memory(slab& memory) override { buffers_.use(memory); }
  void release_memory() noexcept override;
  [[nodiscard]] std::size_t memory_held() const noexcept override {
    return buffers_.blocks() * uring_buffers::block_bytes;
  }
  [[nodiscard]] std::error_code attach(fd_operator& op) override;
  void receive(fd_operator& op, bool on) override;
  void send(fd_operator& op) override;
  void accept(fd_operator& op, bool on) override;
  void connect(fd_operator& op, socket_name_view name) override;
  void retire(fd_operator& op) override;
  [[nodiscard]] std::error_code watch(fd_watch& w, bool readable, bool writable) override;
  void unwatch(fd_watch& w) noexcept override;
  void poll(instant deadline, poll_sleeper& sleeper) override;
  void wake() noexcept override;
  void wake_from(poller& waker) noexcept override;

 private:
  /// What a completion is about; in the lowest bits of its user_data, over a slot's or a poller's address.
  enum class kind : std::uint8_t {
    block,
    space,
    look,
    send,
    room,
    accept,
    connect,
    watch,
    cancel,
    cancel_all,
    wake,
    message,
    rung,
    foreign,
    cancel_foreign
  };

  using slot_list = boost::intrusive::slist<
      uring_slot, boost::intrusive::member_hook<uring_slot, boost::intrusive::slist_member_hook<>, &uring_slot::hook>,
      boost::intrusive::cache_last<true>, boost::intrusive::constant_time_size<false>>;
  /// What a vectored send points to until it is submitted.
  struct send_header;

  uring_poller(host& machine, uring_ring ring, int wake_fd, std::string_view reason);

  // Slots, and entries for them.
  [[nodiscard]] static uring_slot* slot_of(const fd_operator& op) noexcept;
  uring_slot& take_slot(fd_operator& op);
  void queue(uring_slot& s);
  [[nodiscard]] io_uring_sqe& entry(uring_slot& s, kind what);
  void watch_wake_ups();

  // Everything that is wanted (uring_poller_submit.cpp).
  void submit();
  void advance(uring_slot& s);
  void advance_retirement(uring_slot& s);
  void advance_receive(uring_slot& s);
  void arm_receive(uring_slot& s);
  void arm_blocks(uring_slot& s);
  void arm_space(uring_slot& s);
  void advance_send(uring_slot& s);
  void keep_memory(uring_slot& s, std::size_t pieces);
  void arm_room(uring_slot& s);
  void advance_accept(uring_slot& s);
  [[nodiscard]] io_uring_sqe& cancel_entry(uring_slot& s, kind what);
  void cancel(uring_slot& s, kind what);
  void wait(instant deadline, poll_sleeper& sleeper);
  void forget_submitted();

  // Descriptors of others (uring_poller_watch.cpp).
  void queue(uring_watch& w);
  void submit_watches();
  void advance(uring_watch& w);
  void release(uring_watch& w) noexcept;
  void on_foreign(uring_watch& w, int outcome);
  void on_cancel_foreign_failed(uring_watch& w);

  // Everything that is done (uring_poller_reap.cpp).
  void reap();
  void complete(const io_uring_cqe& done);
  void report_accepted();
  void on_block(uring_slot& s, const io_uring_cqe& done);
  void judge_size(uring_slot& s, std::size_t received);
  void on_space(uring_slot& s, const io_uring_cqe& done);
  void on_send(uring_slot& s, int outcome);
  void on_room(uring_slot& s, const io_uring_cqe& done);
  void on_accept(uring_slot& s, const io_uring_cqe& done);
  void on_connect(uring_slot& s, int outcome);
  void on_watch(uring_slot& s, const io_uring_cqe& done);
  void on_cancel_failed(uring_slot& s, kind what);
  void note_end(uring_slot& s);
  void finish_retirements();
  void end_input(uring_slot& s, std::error_code reason);
  void end_failed_send(uring_slot& s);
  void finish_retirement(uring_slot& s);

  host& machine_;
  uring_ring ring_;
  int wake_fd_;
  std::string reason_;
  uring_buffers buffers_;
  std::deque<uring_slot> slots_;  // never moved, never given back
  slot_list free_;
  slot_list active_;
  std::deque<uring_watch> watches_;  // never moved, never given back
  std::vector<uring_watch*> free_watches_;
  std::vector<uring_watch*> queued_watches_;  // something of them is to be submitted
  std::vector<uring_slot*> accepting_;        // listeners that owe reports
  std::vector<uring_slot*> ended_;            // retire, and the kernel has let go
  std::deque<socket_name> names_;             // of connects, until they are submitted
  std::vector<std::unique_ptr<send_header>> headers_;
  std::size_t headers_used_ = 0;
  std::array<block_ref, send_pieces> holds_;  // of the send that is being put together
  bool wake_watched_ = false;
};

}  // namespace shoal
