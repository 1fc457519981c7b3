// SPDX-License-Identifier: Apache-2.0
// The simulated network: which host has which address, and how a connection comes about.
//
//   dialler                         acceptor's host
//   SYN      ----- latency ----->   a listener with room in its queue, or a refusal; lost ones are sent again
//   connected <---- latency -----
//   ACK      ----- latency ----->   in the queue: accept() finds it
//
// Thread rule: the world's thread.
// Invariant: a dialler hears of its outcome once, unless its descriptor is closed before.
#pragma once

#include <shoal/core/sim/bindings.hpp>
#include <shoal/core/sim/environment.hpp>
#include <shoal/core/sim/socket.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace shoal::sim {

/// One host as the network sees it.
struct station {
  std::uint32_t number = 0;
  bindings bound;
};

class network {
 public:
  explicit network(environment& in) noexcept : world_(in) {}
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  /// `at` has no port; nobody else may have it.
  void add(const place& at, station& host);

  /// Starts to connect; the outcome is in the socket when it is known. An error is one that connect() itself gives.
  [[nodiscard]] std::error_code connect(station& from, const std::shared_ptr<socket>& dialler, const place& to);
  /// Whoever waits in the queue of a listener that closes hears of it.
  void refuse_all(socket& listener);

 private:
  struct attempt {
    station* from;
    std::shared_ptr<socket> dialler;
    place to;
    duration latency;
    unsigned tries = 0;
  };
  [[nodiscard]] station* find(station& from, const place& to) const;
  [[nodiscard]] std::shared_ptr<socket> choose(const station& at, const place& to);
  void send_syn(attempt a);
  void try_again(attempt a);
  void syn_arrives(attempt a);
  void answer(const attempt& a, std::error_code outcome);
  void connect_to(const attempt& a, const station& at, const std::shared_ptr<socket>& listener);

  environment& world_;
  std::map<place, station*> stations_;
};

}  // namespace shoal::sim
