// SPDX-License-Identifier: Apache-2.0
// The simulated back end: the same contract as the others, on simulated sockets, with acknowledgements that may come
// late, as io_uring's do.
//
// A shard that is stepped cannot block, since others run on the same thread: its poll() returns in the middle of the
// sleep, with the sleeper still told that it is asleep, and the next poll() ends it. A poller that nobody steps moves
// the world on until its sleep is over.
//
// Thread rule: the world's thread.
// Invariants:
//  1. A registration exists from attach(), connect() or retire() until retired().
//  2. Between lending space (or pieces) and the acknowledgement the operator is asked for no more of that direction.
//  3. An operator stands on `active_` if it is owed something; more often does no harm.
#pragma once

#include <shoal/core/mailbox.hpp>
#include <shoal/core/poller/poller.hpp>
#include <shoal/core/sim/sim_host.hpp>

#include <map>
#include <memory>
#include <set>
#include <vector>

namespace shoal::sim {

class sim_poller final : public poller, private socket_watcher, private message_gate {
 public:
  explicit sim_poller(sim_host& machine);
  ~sim_poller() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "sim"; }
  [[nodiscard]] std::string_view reason() const noexcept override { return "a simulated host"; }
  [[nodiscard]] message_gate* gate() noexcept override { return this; }

  [[nodiscard]] std::error_code attach(fd_operator& op) override;
  void receive(fd_operator& op, bool on) override;
  void send(fd_operator& op) override;
  void accept(fd_operator& op, bool on) override;
  void connect(fd_operator& op, socket_name_view name) override;
  void retire(fd_operator& op) override;
  void poll(instant deadline, poll_sleeper& sleeper) override;
  void wake() noexcept override;

  [[nodiscard]] const std::shared_ptr<seat>& place_in_turns() const noexcept { return seat_; }

 private:
  struct completion {  // an operation whose acknowledgement is late
    bool pending = false;
    bool due = false;
    std::size_t bytes = 0;
  };
  struct registration {
    fd_operator* op = nullptr;
    std::uint64_t number = 0;
    std::shared_ptr<socket> watched;
    bool attached = false;
    bool connecting = false;
    bool want_receive = false;
    bool want_send = false;
    bool want_accept = false;
    bool retiring = false;
    bool input_ended = false;  // hung_up() was reported
    bool dead = false;         // with an error
    bool queued = false;
    completion input;
    completion output;
    std::error_code send_error;  // to be reported after the last bytes that came
  };

  void socket_changed(int fd) override;
  [[nodiscard]] bool holds(mailbox& sender, shard_id to) override;

  registration& add(fd_operator& op);
  [[nodiscard]] registration* find(const fd_operator& op) noexcept;
  [[nodiscard]] static bool owed(const registration& r);
  [[nodiscard]] static bool errs(const registration& r);
  void queue_if_owed(registration& r);
  [[nodiscard]] bool is_ready() const noexcept { return !active_.empty() || seat_->woken; }
  [[nodiscard]] std::vector<int> take_active();

  bool fall_asleep(instant deadline, poll_sleeper& sleeper);
  void submit();
  void reap();
  void reap_one(registration& r);
  void let_go(int fd);
  void finish_connect(registration& r);
  void receive_one(registration& r);
  void send_one(registration& r);
  void accept_some(registration& r);
  bool acknowledge(registration& r);
  void end_input(registration& r, std::error_code reason);
  void complete_later(registration& r, completion registration::* which, std::size_t bytes);

  sim_host& machine_;
  environment& world_;
  std::shared_ptr<seat> seat_;
  std::map<int, registration> registered_;
  std::vector<int> active_;
  std::uint64_t registrations_ = 0;
  std::set<shard_id> held_;  // peers whose messages are on their way
};

}  // namespace shoal::sim
