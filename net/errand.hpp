// SPDX-License-Identifier: Apache-2.0
// errand: a visit that is sent from anywhere: something to be done on a connection by the shard where it lives.
//
//   sender --own shard: run queue | another shard: lane | any other thread: foreign stack--> home --visit--> open()
//
// Thread rule: made by the sender; open() runs where the connection lives; returned() on the sender's shard, or at home
// when the sender is no shard.
// Invariant: open() runs at most once, with nullptr when the connection is gone; not at all once the run is over.
#pragma once

#include <shoal/core/mailbox.hpp>
#include <shoal/core/message.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/core/runtime_link.hpp>
#include <shoal/net/visit.hpp>

#include <cstdint>
#include <memory>
#include <system_error>

namespace shoal {

class errand : public foreign_item, private visit {
 public:
  enum class when_full : std::uint8_t { wait, refuse };

  errand() noexcept = default;

  /// Sends `work` to the connection of that run. The error, with `work` still the caller's: errc::stopped, or
  /// errc::would_block when the lane is full and the sender does not want it to wait there.
  [[nodiscard]] static std::error_code send(std::unique_ptr<errand>& work, runtime_link& run, bool from_own_shard,
                                            connection_id to, when_full full);
  /// From a shard of that run, of an errand that somebody else owns; returned() tells when it may end.
  void send_from_shard(connection_id to);

 protected:
  /// Whatever leaves it counts as a failed handler.
  virtual void open(connection* c) = 0;
  /// Done, or it never will be. Ends *this, unless somebody else owns it.
  virtual void returned() noexcept { const std::unique_ptr<errand> done{this}; }

 private:
  struct lane_part final : message {
    explicit lane_part(errand& e) noexcept;
    errand& owner;
  };
  struct queue_part final : run_item {
    queue_part(errand& e, function what) noexcept : run_item(what), owner(e) {}
    errand& owner;
  };

  void run() final {}  // foreign_item: run_posted() keeps it
  void run_posted(std::unique_ptr<foreign_item> self) final;
  void meet(connection* c) noexcept final;
  void back_home() noexcept final;
  void arrive();
  static void arrive_queued(run_item& item);
  static void send_again(run_item& item);

  connection_id to_;
  lane_part by_lane_{*this};
  queue_part here_{*this, &arrive_queued};
  queue_part again_{*this, &send_again};
};

}  // namespace shoal
