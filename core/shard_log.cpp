// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/shard_log.hpp>

#include <shoal/core/affinity.hpp>
#include <shoal/core/log_format.hpp>
#include <shoal/core/signals_blocked.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace shoal {

bool byte_ring::push(std::string_view bytes) noexcept {
  const std::uint64_t from = written_.load(std::memory_order_relaxed);
  if (bytes.size() > capacity - (from - read_.load(std::memory_order_acquire))) return false;
  const std::size_t at = from % capacity;
  const std::size_t first = std::min(bytes.size(), capacity - at);
  std::memcpy(bytes_.data() + at, bytes.data(), first);
  std::memcpy(bytes_.data(), bytes.data() + first, bytes.size() - first);
  written_.store(from + bytes.size(), std::memory_order_release);
  return true;
}

void byte_ring::take_all(std::string& to) {
  const std::uint64_t from = read_.load(std::memory_order_relaxed);
  const std::size_t count = written_.load(std::memory_order_acquire) - from;
  const std::size_t at = from % capacity;
  const std::size_t first = std::min(count, capacity - at);
  to.append(bytes_.data() + at, first);
  to.append(bytes_.data(), count - first);
  read_.store(from + count, std::memory_order_release);
}

shard_log::shard_log(std::string path, std::size_t shards, std::shared_ptr<host> machine, logger& complaints)
    : machine_(std::move(machine)), complaints_(complaints), output_(std::move(path)), rings_(shards) {
  look_at_clocks();
  const signals_blocked none;
  thread_ = std::thread([this] { run(); });
}

shard_log::~shard_log() {
  over_ = true;
  end_.release();
  wake();
  thread_.join();
}

bool shard_log::write(shard_id from, std::string_view line) noexcept {
  const bool fits = rings_[from].push(line);
  if (!fits) dropped_.fetch_add(1, std::memory_order_relaxed);
  wake();
  return fits;
}

result<void> shard_log::reopen() {
  auto done = output_.reopen();
  wake();  // changes over even if no line comes
  return done;
}

void shard_log::run() {
  name_this_thread("shoal-access");
  for (bool last = false; !last;) {
    work_.acquire();
    if (!over_) end_.acquire_until(machine_->now() + gathering);
    last = over_;
    // Before the rings are emptied: who writes after that wakes us again.
    awake_ = false;
    look_at_clocks();
    write_batch();
  }
}

void shard_log::write_batch() {
  batch_.clear();
  for (byte_ring& ring : rings_) ring.take_all(batch_);
  output_.adopt();
  if (!batch_.empty() && !output_.write(batch_)) {
    // Some of it may have gone out; which is not known.
    dropped_.fetch_add(static_cast<std::uint64_t>(std::ranges::count(batch_, '\n')), std::memory_order_relaxed);
  }
  const std::uint64_t all = dropped();
  if (all == complained_of_ || !complaint_gate_.pass(machine_->now())) return;
  log_warning(complaints_, "access log: {} lines dropped: its output does not take them fast enough",
              all - std::exchange(complained_of_, all));
}

void shard_log::look_at_clocks() noexcept {
  offset_ = std::chrono::duration_cast<duration>(machine_->wall_time().time_since_epoch()) -
            machine_->now().time_since_epoch();
}

}  // namespace shoal
