// SPDX-License-Identifier: Apache-2.0
// The other ends of the connections of the order test: bare simulated sockets on a host of their own.
//
// Thread rule: the world's thread.
#pragma once

#include <shoal/core/sim/world.hpp>
#include <shoal/net/address.hpp>
#include <tests/sim/order_record.hpp>

#include <deque>
#include <functional>
#include <memory>

namespace shoal::test {

/// The connection of record i has this port on the side that dialled it.
inline constexpr std::uint16_t first_order_port = 20'000;

class order_peers {
 public:
  order_peers(sim::world& w, std::deque<order_record>& records) : world_(w), records_(records) {}
  order_peers(const order_peers&) = delete;
  order_peers& operator=(const order_peers&) = delete;
  ~order_peers() { close_all(); }

  /// All connect, each from its own port; true when all are connected.
  [[nodiscard]] bool dial(const address& server);
  /// Where they can be dialled.
  void listen(const address& where);
  /// Takes who has dialled so far; how many that were.
  std::size_t accept();

  /// The peer's part of an event.
  void act(order_record& r, order_event event, bool reads_only_now);
  /// Reads what has come, of one or of all.
  void read(order_record& r);
  void close_all();
  [[nodiscard]] std::size_t open_descriptors() const { return machine_->open_descriptors(); }

 private:
  void send(order_record& r, std::size_t bytes);
  [[nodiscard]] sim::socket& socket_of(const order_record& r) const { return *machine_->at(r.peer); }

  sim::world& world_;
  std::deque<order_record>& records_;
  std::shared_ptr<sim::sim_host> machine_ = world_.add_host("10.0.0.2");
  int listener_ = -1;
};

}  // namespace shoal::test
