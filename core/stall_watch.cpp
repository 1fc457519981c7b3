// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/stall_watch.hpp>

#include <shoal/core/affinity.hpp>
#include <shoal/core/log_format.hpp>

#include <algorithm>

namespace shoal {

namespace {

using namespace std::chrono_literals;

/// A stall is seen at most a quarter late.
constexpr int looks_per_report = 4;
constexpr duration shortest_pause = 1ms;
/// All asleep for this many looks: the watch sleeps as well.
constexpr unsigned quiet_looks_before_sleep = 4;
/// Not for ever: a shard that wakes while the watch is going to sleep may miss it, which costs this much once.
constexpr duration dormant_pause = 1s;
/// What lasts longer is reported while it lasts: it may never end.
constexpr duration longest_wait_for_end = 1s;
constexpr duration longest_wait_for_stack = 100ms;
constexpr std::size_t frames_in_report = 12;

}  // namespace

void stall_watch::start(const stall_options& options, const std::vector<shard_activity*>& shards) {
  options_ = options;
  if (options.signal != 0 && options.report > duration::zero()) signal_.emplace(options.signal);
  shards_.clear();
  for (shard_activity* one : shards) shards_.emplace_back(one);
  ending_ = false;
  thread_ = std::thread([this] { run(); });
}

void stall_watch::stop() noexcept {
  if (!thread_.joinable()) return;
  ending_ = true;
  roused_.release();
  thread_.join();
  signal_.reset();
}

void stall_watch::join(shard_activity& shard) noexcept {
  shard.thread.store(::pthread_self(), std::memory_order_relaxed);
}

void stall_watch::leave(shard_activity& shard) noexcept {
  const std::scoped_lock lock(signalling_);
  shard.thread.store(pthread_t{}, std::memory_order_relaxed);
  shard.enter(0, turn_step::asleep);
}

void stall_watch::rouse() noexcept {
  if (dormant_.exchange(false, std::memory_order_relaxed)) roused_.release();
}

void stall_watch::run() {
  name_this_thread("shoal-watch");
  while (!ending_) {
    const instant now = machine_.now();
    const duration pause = look(now);
    if (pause >= dormant_pause) dormant_.store(true, std::memory_order_relaxed);
    roused_.acquire_until(now + pause);
    dormant_.store(false, std::memory_order_relaxed);
  }
  static_cast<void>(look(machine_.now()));  // what has ended with the shards
}

duration stall_watch::look(instant now) {
  bool awake = false;
  for (sight& seen : shards_) {
    const auto progress = seen.shard->progress.load(std::memory_order_relaxed);
    awake |= shard_activity::step_of(progress) != turn_step::asleep || progress != seen.progress;
    look_at_progress(seen, progress, now);
  }
  quiet_looks_ = awake ? 0 : quiet_looks_ + 1;
  if (quiet_looks_ >= quiet_looks_before_sleep) return dormant_pause;
  const duration report = options_.report > duration::zero() ? options_.report : dormant_pause;
  return std::clamp<duration>(report / looks_per_report, shortest_pause, dormant_pause / 2);
}

void stall_watch::look_at_progress(sight& seen, std::uint64_t progress, instant now) {
  const auto number = static_cast<std::size_t>(&seen - shards_.data());
  if (progress != seen.progress) {
    if (seen.stalled && !seen.reported) report(seen, number, now, true);
    seen.progress = progress;
    seen.since = now;
    seen.stalled = seen.reported = false;
    return;
  }
  if (options_.report == duration::zero() || shard_activity::step_of(progress) == turn_step::asleep) return;
  if (!seen.stalled && now - seen.since >= options_.report) {
    seen.stalled = true;
    seen.hook = seen.shard->hook.load(std::memory_order_relaxed);
    const auto left_out = seen.gate.pass(now);
    seen.reported = !left_out.has_value();  // counted there
    if (seen.reported) return;
    seen.left_out = *left_out;
    take_stack(seen, now);
  }
  if (seen.stalled && !seen.reported && now - seen.since >= longest_wait_for_end) report(seen, number, now, false);
}

void stall_watch::take_stack(sight& seen, instant now) {
  seen.stack.clear();
  if (!signal_) return;
  std::span<void* const> frames;
  {
    const std::scoped_lock lock(signalling_);
    const pthread_t thread = seen.shard->thread.load(std::memory_order_relaxed);
    if (thread != pthread_t{}) frames = signal_->of(thread, now + longest_wait_for_stack);
  }
  if (frames.size() > frames_in_report) frames = frames.first(frames_in_report);
  const symbol_names names;  // keeps files open: only as long as they are read
  for (const void* frame : frames) seen.stack += (seen.stack.empty() ? ": " : " < ") + names.name_of(frame);
}

void stall_watch::report(sight& seen, std::size_t shard, instant now, bool over) {
  seen.reported = true;
  const std::string more = seen.left_out != 0 ? " (" + std::to_string(seen.left_out) + " more before)" : "";
  const auto held = std::chrono::duration_cast<std::chrono::milliseconds>(now - seen.since);
  log_warning(log_, "shard {} {} held for {} ms by \"{}\"{}{}{}{}", shard, over ? "was" : "is still", held.count(),
              to_string(shard_activity::step_of(seen.progress)), seen.hook != nullptr ? ", " : "",
              seen.hook != nullptr ? seen.hook : "", more, seen.stack);
}

}  // namespace shoal
