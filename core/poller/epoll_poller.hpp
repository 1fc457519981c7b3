// SPDX-License-Identifier: Apache-2.0
// The epoll back end. Edge-triggered, each descriptor registered once for its life: what is readable and writable is
// remembered here, so pausing, resuming and the usual write never cost an epoll_ctl.
//
// Thread rule: as poller.hpp.
// Invariants:
//  1. `readable` means a receive may find something: set by an edge, cleared by EAGAIN or by a receive that did not
//     fill its space (no bytes are left then; a FIN that came along is in the event as RDHUP and keeps it set).
//  2. An operator stands on `active_` exactly while it is owed work: to retire, to send and writable, to receive (or
//     accept) and readable. While the list is not empty poll() does not block.
//  3. An event names an operator by its address, a watch by place and generation: watches go without a farewell, so
//     their events may be stale. Watches are level-triggered, since others empty their descriptors.
#pragma once

#include <shoal/buffers/errc.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/poller/poller.hpp>

#include <boost/intrusive/slist.hpp>

#include <deque>
#include <string>
#include <vector>

namespace shoal {

class epoll_poller final : public poller {
 public:
  /// Errors: EMFILE and kin from epoll_create1 and eventfd.
  [[nodiscard]] static result<std::unique_ptr<poller>> make(host& machine, std::string_view reason);
  ~epoll_poller() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "epoll"; }
  [[nodiscard]] std::string_view reason() const noexcept override { return reason_; }

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

 private:
  using active_list = boost::intrusive::slist<
      fd_operator,
      boost::intrusive::member_hook<fd_operator, fd_operator::list_hook<fd_operator::poller_tag>,
                                    &fd_operator::poller_hook>,
      boost::intrusive::cache_last<true>, boost::intrusive::constant_time_size<false>>;

  struct failure {
    fd_operator* op;
    std::error_code error;
  };

  /// Where a watch is known; the places stay, the watches come and go.
  struct watched {
    fd_watch* by = nullptr;
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    std::uint32_t wanted = 0;
  };

  epoll_poller(host& machine, int epoll_fd, int wake_fd, std::string_view reason);

  void queue_if_owed(fd_operator& op);
  void submit();
  void report_failed_connects();
  void wait(instant deadline, poll_sleeper& sleeper);
  void take_event(fd_operator& op, std::uint32_t events);
  void take_watch_event(std::uint64_t name, std::uint32_t events);
  void finish_connect(fd_operator& op);
  void reap();
  void receive_one(fd_operator& op);
  void send_one(fd_operator& op);
  void accept_some(fd_operator& op);
  void fail_send(fd_operator& op, std::error_code error);
  [[nodiscard]] std::error_code take_failed_send(fd_operator& op);
  void end_input(fd_operator& op, std::error_code reason);

  host& machine_;
  int epoll_fd_;
  int wake_fd_;
  std::string reason_;
  active_list active_;
  std::vector<failure> failed_connects_;
  std::deque<watched> watched_;
  std::vector<watched*> free_watched_;
  std::vector<failure> failed_sends_;  // to be reported when the last bytes have been received
};

}  // namespace shoal
