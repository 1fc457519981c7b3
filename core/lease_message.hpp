// SPDX-License-Identifier: Apache-2.0
// lease_message: what a lease and its home tell each other (lease.hpp). It goes back and forth between the same two.
//
// Thread rule: that of message.hpp; `busy` and `flight` are the sender's.
#pragma once

#include <shoal/core/gate.hpp>
#include <shoal/core/mailbox.hpp>
#include <shoal/core/message.hpp>
#include <shoal/core/run_item.hpp>

#include <cstdint>
#include <limits>

namespace shoal::detail {

/// What home says about the whole, with everything that it sends.
struct lease_news {
  std::uint32_t epoch = 0;
  bool wanted = false;                                           ///< tokens, by others: free ones go home
  std::int64_t keep = std::numeric_limits<std::int64_t>::max();  ///< but a shard in need may have so many in use
};

struct lease_message : message, run_item {
  /// `on_room`: it was not sent, since the lane was full, and may be tried again.
  lease_message(message::function on_receiver, message::function on_return, run_item::function on_room) noexcept
      : message(on_receiver, on_return), run_item(on_room) {}

  /// False: there is no room, and `on_room` will be called.
  [[nodiscard]] bool send(shard_id to, gate& under_way);
  /// It is the sender's again.
  void landed() noexcept {
    busy = false;
    flight.leave();
  }

  std::int64_t granted = 0;
  std::int64_t returned = 0;
  std::int64_t used = 0;
  std::int64_t more = 0;  ///< wanted beyond what was said before; may be less than nothing
  bool recall = false;    ///< free tokens come back with the answer
  lease_news news;

  bool busy = false;  ///< under way, or waiting for room
  gate::holder flight;

 protected:
  ~lease_message() = default;
};

}  // namespace shoal::detail
