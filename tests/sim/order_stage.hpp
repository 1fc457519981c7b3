// SPDX-License-Identifier: Apache-2.0
// Plays a batch of scripts in one simulated world: one runtime with one server (or one dialler), a host of peers that
// are bare sockets, one connection per script. Then says what was not as it must be.
//
// Thread rule: one thread.
// Invariant: what comes out follows from the setting and the scripts alone.
#pragma once

#include <shoal/core/instant.hpp>
#include <shoal/core/sim/profile.hpp>
#include <shoal/net/connection.hpp>
#include <tests/sim/order_model.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace shoal::test {

/// How far one event has got when the next one comes.
enum class order_pace : std::uint8_t {
  settled,   ///< the world is quiet
  together,  ///< all between two time-outs happens in one turn of the shard
  at_birth,  ///< the same, in the very turn that accepts the connection
};

struct order_setting {
  order_style style = order_style::plain;
  bool dialled = false;
  bool ends_server = false;  ///< `stop` ends the server, not the runtime
  order_pace pace = order_pace::settled;
  bool filtered = false;                        ///< by a filter that changes nothing
  bool from_handler = false;                    ///< our closes are the handler's, as soon as it runs
  close_how close = close_how::drain;           ///< of `close`
  duration timeout = std::chrono::seconds{10};  ///< that passes at a `timeout`: longer than all limits, or not
  std::uint64_t seed = 1;
  sim::network_profile network = sim::perfect_network();
  bool network_is_perfect = true;

  /// One knows which event came first, and what it met.
  [[nodiscard]] bool is_exact() const noexcept {
    return pace == order_pace::settled && network_is_perfect && !from_handler && timeout == std::chrono::seconds{10};
  }
};
[[nodiscard]] std::string to_string(const order_setting& setting);

struct order_outcome_of_batch {
  std::size_t connections = 0;
  std::size_t requests = 0;
  std::size_t waits = 0;
  std::size_t throws = 0;
  std::vector<std::string> problems;  ///< empty when all is well
};

[[nodiscard]] order_outcome_of_batch play(const order_setting& setting, const order_batch& scripts);

}  // namespace shoal::test
