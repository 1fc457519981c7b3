// SPDX-License-Identifier: Apache-2.0
// What tests of whole runtimes need: options that are quiet and small, a service that writes down what happens to it,
// and tasks started on a shard from outside.
//
// Thread rule: the test's thread, but for the service's hooks, which run where service.hpp says.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/service.hpp>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace shoal::test {

inline runtime_options small_runtime(unsigned shards, log_collector* log = nullptr) {
  static log_collector nowhere;
  runtime_options options;
  options.shards.shards = shards;
  options.shards.pin = pin_mode::off;
  options.shards.memory_per_shard = std::size_t{16} << 20;
  options.log.collector = log != nullptr ? log : &nowhere;
  return options;
}

/// Lines that several threads write.
class journal {
 public:
  void add(std::string line) {
    const std::scoped_lock lock(mutex_);
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::scoped_lock lock(mutex_);
    return lines_;
  }
  /// Where the line stands first; the number of lines if nowhere.
  [[nodiscard]] std::size_t place_of(const std::string& line) const {
    const auto all = lines();
    return static_cast<std::size_t>(std::ranges::find(all, line) - all.begin());
  }
  [[nodiscard]] std::size_t count(const std::string& line) const {
    return static_cast<std::size_t>(std::ranges::count(lines(), line));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Writes "name prepare", "name start 0", "name stop 0", "name stopped 0", "name hurry 0", "name finished".
class recording_service final : public service {
 public:
  recording_service(runtime& owner, journal& lines, std::string name)
      : owner_(owner), lines_(lines), name_(std::move(name)) {
    owner_.add(*this);
  }
  recording_service(const recording_service&) = delete;
  recording_service& operator=(const recording_service&) = delete;
  ~recording_service() { owner_.remove(*this); }

  std::function<std::expected<void, start_failure>()> on_prepare;
  std::function<void(shard&)> on_start;
  std::function<task<>(shard&, instant)> on_stop;
  std::function<void(shard&)> on_hurry;
  std::function<void()> on_finished;

  std::expected<void, start_failure> prepare(runtime&) override {
    lines_.add(name_ + " prepare");
    return on_prepare ? on_prepare() : std::expected<void, start_failure>{};
  }
  void start(shard& here) override {
    note("start", here);
    if (on_start) on_start(here);
  }
  task<> stop(shard& here, instant deadline) override {
    note("stop", here);
    if (on_stop) {
      auto work = on_stop(here, deadline);
      co_await work;
    }
    note("stopped", here);
  }
  void hurry(shard& here) override {
    note("hurry", here);
    if (on_hurry) on_hurry(here);
  }
  void finished() noexcept override {
    lines_.add(name_ + " finished");
    if (on_finished) on_finished();
  }

 private:
  void note(const char* what, const shard& here) { lines_.add(name_ + " " + what + " " + std::to_string(here.id())); }

  runtime& owner_;
  journal& lines_;
  std::string name_;
};

/// The tasks that tests started on a shard. They must have ended before the runtime stops.
struct background {
  explicit background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept {}};
};

template <class Make, class T>
task<> carry(Make make, std::shared_ptr<std::promise<T>> result) {
  try {
    auto work = make();
    if constexpr (std::is_void_v<T>) {
      co_await work;
      result->set_value();
    } else {
      result->set_value(co_await work);
    }
  } catch (...) {
    result->set_exception(std::current_exception());
  }
}

/// Runs the task that `make` gives on a shard; what it returns or throws is in the future.
template <std::invocable Make>
auto run_task(runtime& on, shard_id where, Make make) {
  using value = typename std::invoke_result_t<Make>::value_type;
  auto result = std::make_shared<std::promise<value>>();
  auto future = result->get_future();
  auto posted = on.post(
      where, [make, result] { shard::current().local<background>().tasks.spawn(carry<Make, value>(make, result)); });
  static_cast<void>(posted);
  return future;
}

/// What a post() gave that was refused.
template <class T>
[[nodiscard]] bool was_refused(std::future<T>& posted) {
  try {
    posted.get();
  } catch (const std::system_error& error) {
    return error.code() == errc::stopped;
  }
  return false;
}

/// Nothing is left over, on any shard.
[[nodiscard]] inline bool left_nothing(const runtime& r) {
  return std::ranges::all_of(r.reports(),
                             [](const shard_report& s) { return s.fds == 0 && s.blocks == 0 && s.timers == 0; });
}

}  // namespace shoal::test
