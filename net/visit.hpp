// SPDX-License-Identifier: Apache-2.0
// visit: something to be done on a connection wherever it lives, brought there by the connection's home shard.
//
//   sender --> home: connection_table::bring() --connection lives there--> meet() --> end_visit() --> back_home()
//                             |  \--lives elsewhere: carried by lane--> meet() --> end_visit() --by lane--> back_home()
//                             \--on its way between two shards: waits, in order
//
// Thread rule: the home shard's, but for meet() and end_visit(), which run where the connection lives.
// Invariants: meet() runs exactly once. All visits go through home, and those of one sender meet the connection in the
// order in which they were brought, however often it moves meanwhile.
#pragma once

#include <shoal/core/message.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/net/connection_id.hpp>

#include <boost/intrusive/slist.hpp>

namespace shoal {

class connection;

class visit : public boost::intrusive::slist_base_hook<> {
 public:
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;

  // By connection_table::bring(), at home.
  void set_out(connection_id to) noexcept { to_ = to; }
  void arrive(connection* c) noexcept { meet(c); }
  /// To the shard where the connection lives; when the lane is full, as soon as it is not.
  void carry_to(shard_id there);

 protected:
  visit() noexcept = default;
  ~visit() = default;

  /// On the connection's shard; nullptr when it is gone. Leads to one end_visit() there, now or later.
  virtual void meet(connection* c) noexcept = 0;
  void end_visit() noexcept;
  /// At home, last. May end *this.
  virtual void back_home() noexcept = 0;

 private:
  struct carrier final : message {
    explicit carrier(visit& v) noexcept;
    visit& owner;
  };
  struct lane_wait final : run_item {
    explicit lane_wait(visit& v) noexcept;
    visit& owner;
  };

  connection_id to_;
  shard_id there_ = no_shard;  ///< while it is carried
  carrier carrier_{*this};
  lane_wait lane_wait_{*this};
};

/// First come, first served.
using visit_queue =
    boost::intrusive::slist<visit, boost::intrusive::cache_last<true>, boost::intrusive::constant_time_size<false>>;

}  // namespace shoal
