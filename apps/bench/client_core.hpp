// SPDX-License-Identifier: Apache-2.0
// client_core: the connections of one shard, their schedule and what they see.
//
// Thread rule: owner shard only; result() also after the shards have gone.
#pragma once

#include "bench/load.hpp"
#include "bench/schedule.hpp"
#include "bench/tally.hpp"
#include <shoal/core/scope.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_owner.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace bench {

class client_core {
 public:
  client_core(load& whole, std::size_t index, std::size_t cores);

  void start(shoal::shard& here);
  [[nodiscard]] shoal::scope& clients() noexcept { return clients_; }
  [[nodiscard]] const tally& result() const noexcept { return seen_; }

 private:
  struct request {
    shoal::instant due;    ///< the intended start
    shoal::instant ready;  ///< when it was due and its connection free
    shoal::instant sent;
    bool counts = false;
  };
  enum class outcome : std::uint8_t { right, mismatch, timeout, reset };

  shoal::task<> run_connection(std::uint64_t number);
  shoal::task<> talk(shoal::connection& c, std::vector<std::byte>& frame);
  shoal::task<> ask(shoal::connection& c, std::vector<std::byte>& frame, request& r, outcome& out);
  shoal::task<> wait_until(shoal::instant due);
  [[nodiscard]] std::optional<shoal::instant> next_due();
  [[nodiscard]] bool over(shoal::instant now) const noexcept;
  [[nodiscard]] bool claim(shoal::instant due);
  void in_flight_changes(int by);
  void note_sent(request& r);
  void note_end(const request& r, outcome out);
  void note_unsent();
  void note_busy();
  void connection_ended();

  load& whole_;
  std::size_t index_;
  std::size_t cores_;
  schedule slots_;
  std::uint64_t left_;  // requests still to count; all ones: as many as fit
  std::uint64_t next_frame_ = 0;
  std::size_t open_ = 0;
  std::uint64_t in_flight_ = 0;
  shoal::instant in_flight_since_;
  std::uint64_t events_ = 0;  // sends and answers: a turn without one only waited for a slot
  shoal::instant spun_until_;
  shoal::duration spun_{0};  // since the begin
  std::optional<shoal::duration> busy_at_begin_;
  tally seen_;
  shoal::scope clients_;
};

}  // namespace bench
