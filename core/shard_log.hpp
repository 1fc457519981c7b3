// SPDX-License-Identifier: Apache-2.0
// shard_log: one file of lines that all shards write often, such as an access log.
//
//   shard 0 --> ring 0 --.
//   shard 1 --> ring 1 --+--> the log's thread, some times a second --> one write() of whole lines
//
// Thread rule: write() on the shard it names, or with nobody else using that shard's name; the rest from any thread.
// Invariants:
//  1. write() copies and returns: no lock, no wait, no system call but to wake the log's thread when it sleeps, which
//     is once per `gathering` at most.
//  2. Bounded: a line that finds its ring full is dropped and counted; `complaints` hears of it, once a second at most.
//  3. Lines of one shard stay in order. The destructor writes what is there, and waits for an output that takes nothing
//     as long as log_output does.
#pragma once

#include <shoal/buffers/check.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/instant.hpp>
#include <shoal/core/log.hpp>
#include <shoal/core/log_gate.hpp>
#include <shoal/core/log_output.hpp>
#include <shoal/core/thread_semaphore.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace shoal {

/// Bytes of one producer for one consumer; whole pieces or nothing.
class byte_ring {
 public:
  static constexpr std::size_t capacity = std::size_t{256} << 10U;

  /// Producer. False: no room for all of it.
  [[nodiscard]] bool push(std::string_view bytes) noexcept;
  /// Consumer: appends everything that is there.
  void take_all(std::string& to);

 private:
  alignas(64) std::atomic<std::uint64_t> written_{0};
  alignas(64) std::atomic<std::uint64_t> read_{0};
  std::vector<char> bytes_ = std::vector<char>(capacity);
};

class shard_log {
 public:
  /// How long lines wait for others, so that many leave at once.
  static constexpr duration gathering = std::chrono::milliseconds{50};

  /// `path` as in log_options. Throws std::system_error if the file can't be opened. `complaints` must outlive it.
  shard_log(std::string path, std::size_t shards, std::shared_ptr<host> machine, logger& complaints);
  shard_log(const shard_log&) = delete;
  shard_log& operator=(const shard_log&) = delete;
  ~shard_log();

  /// `line` ends with its newline. False: dropped.
  bool write(shard_id from, std::string_view line) noexcept;
  /// What the wall clock shows at an instant of the shards' clock, as of the last batch. For times in lines.
  [[nodiscard]] std::chrono::system_clock::time_point wall_time(instant at) const noexcept {
    return std::chrono::system_clock::time_point{
        std::chrono::duration_cast<std::chrono::system_clock::duration>(at.time_since_epoch() + offset_.load())};
  }

  /// Opens the file anew, after it was renamed.
  [[nodiscard]] result<void> reopen();
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  void run();
  void write_batch();
  void look_at_clocks() noexcept;
  void wake() noexcept {
    if (!awake_.exchange(true)) work_.release();
  }

  std::shared_ptr<host> machine_;
  logger& complaints_;
  log_output output_;
  std::vector<byte_ring> rings_;  // by shard
  std::atomic<duration> offset_{duration::zero()};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> awake_{false};  // the thread will look at the rings
  std::atomic<bool> over_{false};
  thread_semaphore work_;
  thread_semaphore end_;
  // The thread's own.
  std::string batch_;
  std::uint64_t complained_of_ = 0;
  log_gate complaint_gate_{std::chrono::seconds{1}};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace shoal
