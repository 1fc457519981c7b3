// SPDX-License-Identifier: Apache-2.0
// listener: one listening descriptor on one shard.
//
// Thread rule: owner shard only.
// Invariants: at most accept_budget descriptors are taken per turn (poller.hpp). When the process is out of
// descriptors, accepting rests for a growing while and is tried again, every time (netpoll's second episode never
// recovered).
#pragma once

#include <shoal/core/fd_operator.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/net/address.hpp>

#include <functional>
#include <vector>

namespace shoal {

/// First and longest rest after EMFILE and kin.
inline constexpr duration accept_rest_min = std::chrono::milliseconds{10};
inline constexpr duration accept_rest_max = std::chrono::seconds{1};

class listener final : public fd_operator {
 public:
  /// Gets each accepted descriptor, in the deliver step, and owns it.
  using sink = std::function<void(int fd, const address& peer)>;

  /// Owns `fd`, which listens already.
  listener(shard& here, int fd, std::string name, sink accepted_one);
  ~listener() override;

  [[nodiscard]] std::error_code start();
  /// Pauses and resumes, for connection limits.
  void pause();
  void resume();
  [[nodiscard]] bool is_paused() const noexcept { return paused_; }
  /// Stops watching, accepts who still waits once the poller has let go, and closes the descriptor; `is_closed()` then.
  void stop();
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  /// Runs once the listener is closed.
  std::function<void()> on_closed;

 private:
  struct rest_timer final : timer {
    explicit rest_timer(listener& l) noexcept;
    listener& owner;
  };
  struct arrival {
    int fd;
    address peer;
  };

  std::span<std::byte> inputs() override { return {}; }
  void input_ack(std::size_t) override {}
  std::size_t outputs(std::span<iovec>) override { return 0; }
  void output_ack(std::size_t) override {}
  void hung_up(std::error_code reason) override;
  void retired() override;
  void accepted(int accepted_fd, socket_name_view peer) override;
  void accept_failed(std::error_code reason) override;
  void deliver() override;
  void accept_the_rest();
  void note_arrival(int accepted_fd, socket_name_view peer);

  shard& shard_;
  std::string name_;
  sink sink_;
  std::vector<arrival> arrivals_;
  rest_timer timer_{*this};
  duration rest_ = accept_rest_min;
  bool paused_ = false;
  bool stopping_ = false;
  bool retired_ = false;
  bool closed_ = false;
};

}  // namespace shoal
