// SPDX-License-Identifier: Apache-2.0
// errand: something to be done on a connection by its own shard, sent from anywhere.
//
//   own shard: run queue | another shard of the runtime: lane, and back to be freed | any other thread: foreign stack
//
// Thread rule: made by the sender; open() runs on the connection's home shard; destroyed there or by the sender.
// Invariant: open() runs at most once, with nullptr when the connection is gone; not at all once the run is over.
#pragma once

#include <shoal/core/mailbox.hpp>
#include <shoal/core/message.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/core/runtime_link.hpp>
#include <shoal/net/connection_id.hpp>

#include <cstdint>
#include <memory>
#include <system_error>

namespace shoal {

class connection;

class errand : public foreign_item {
 public:
  enum class when_full : std::uint8_t { wait, refuse };

  errand() noexcept = default;
  errand(const errand&) = delete;
  errand& operator=(const errand&) = delete;

  /// Sends `work` to the connection of that run. The error, with `work` still the caller's: errc::stopped, or
  /// errc::would_block when the lane is full and the sender does not want it to wait there.
  [[nodiscard]] static std::error_code send(std::unique_ptr<errand>& work, runtime_link& run, bool from_own_shard,
                                            connection_id to, when_full full);

 protected:
  /// Whatever leaves it counts as a failed handler.
  virtual void open(connection* c) = 0;

 private:
  struct lane_part final : message {
    explicit lane_part(errand& e) noexcept;
    errand& owner;
  };
  struct queue_part final : run_item {
    queue_part(errand& e, function what) noexcept : run_item(what), owner(e) {}
    errand& owner;
  };

  void run() final;  // foreign_item
  void arrive() noexcept;
  static void arrive_queued(run_item& item);
  static void send_again(run_item& item);

  connection_id to_;
  lane_part by_lane_{*this};
  queue_part here_{*this, &arrive_queued};
  queue_part again_{*this, &send_again};
};

}  // namespace shoal
