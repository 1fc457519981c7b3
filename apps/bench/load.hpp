// SPDX-License-Identifier: Apache-2.0
// load: the clients on all cores, from their first connect to the end of the run.
//
//   prepare          begin                        end                 at most `timeout` later
//   |--- warm-up ----|--- measured ---------------|--- last answers --|
//
// A request belongs to the run if its intended start lies between begin and end. Every connection is one coroutine. In
// an open loop it takes the next slot of its core's schedule, waits for it, sends, and waits for the answer: a slot
// that comes while all are busy is taken late, and its latency begins at the slot all the same.
//
// Thread rule: made and read by the thread that runs the runtime, before and after it runs; the rest on the shards.
#pragma once

#include "bench/options.hpp"
#include "bench/tally.hpp"
#include <shoal/core/runtime.hpp>
#include <shoal/core/service.hpp>

#include <atomic>
#include <memory>
#include <vector>

namespace bench {

class client_core;

class load final : public shoal::service {
 public:
  load(shoal::runtime& owner, const options& wanted);
  ~load();

  /// After the end, by core.
  [[nodiscard]] const tally& of(std::size_t core) const;
  [[nodiscard]] std::size_t cores() const noexcept { return clients_.size(); }

  /// A core has finished; the last one stops the runtime.
  void core_is_done() noexcept;

  [[nodiscard]] shoal::instant now() noexcept { return owner_.machine().now(); }
  [[nodiscard]] const options& wanted() const noexcept { return wanted_; }
  [[nodiscard]] bool is_stopping() const noexcept { return owner_.is_stopping(); }
  [[nodiscard]] shoal::instant begin() const noexcept { return begin_; }
  /// `never` when requests are counted.
  [[nodiscard]] shoal::instant end() const noexcept { return end_; }

 private:
  std::expected<void, shoal::start_failure> prepare(shoal::runtime& owner) override;
  void start(shoal::shard& here) override;
  shoal::task<> stop(shoal::shard& here, shoal::instant deadline) override;

  shoal::runtime& owner_;
  const options& wanted_;
  shoal::instant begin_;
  shoal::instant end_ = shoal::never;
  std::atomic<std::size_t> running_{0};
  std::vector<std::unique_ptr<client_core>> clients_;
};

}  // namespace bench
