// SPDX-License-Identifier: Apache-2.0
// One connection of the order test: what shall happen to it, and what was seen of it from both ends.
//
// Thread rule: one thread; in simulation the shards and the test share it.
#pragma once

#include <shoal/core/run_item.hpp>
#include <shoal/net/connection.hpp>
#include <tests/sim/order_model.hpp>

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace shoal::test {

struct order_record {
  order_script script;
  bool waits_for_room = false;  ///< of a writer: room() instead of flush()

  // What the handler shall do as soon as it runs, and where it waits elsewhere.
  bool throws_next = false;
  bool suspends_next = false;
  bool finishes_next = false;  ///< close_write()
  bool closes_next = false;
  close_how how = close_how::drain;
  run_item* elsewhere = nullptr;

  // What hooks saw.
  connection* live = nullptr;  ///< from on_prepare to the last close callback
  bool in_handler = false;
  int prepared = 0;
  int connected = 0;
  int requests = 0;
  int disconnected = 0;
  int callbacks = 0;  ///< close callbacks that have run
  int throws = 0;
  std::error_code reason;
  std::stop_token token;
  std::string written;   ///< what the connection took to be sent
  std::string received;  ///< what the handler took from it
  std::size_t calls_to_waits = 0;
  std::size_t ends_of_waits = 0;
  order_outcomes waits = 0;       ///< how they ended, beside success
  bool finished_writing = false;  ///< our close_write() was asked for
  std::error_code dial_error;
  bool dialled = false;

  // What the peer did and saw.
  int peer = -1;
  std::string sent;
  std::string got;
  bool peer_finished = false;
  bool peer_reset = false;
  bool saw_end = false;
  bool saw_error = false;
  bool reads = false;  ///< of a writer's peer: for this step

  std::vector<std::string> problems;
  void problem(std::string what) { problems.push_back(std::move(what)); }
};

}  // namespace shoal::test
