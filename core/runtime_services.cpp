// SPDX-License-Identifier: Apache-2.0
// The services of a runtime: those of its start, and those that come and go while it runs.
//
// Each shard keeps its own list of what has started there, so a stop, which may come from any thread at any time, and
// a group that comes or leaves meet on the shard and nowhere else.
#include <shoal/core/log_format.hpp>
#include <shoal/core/runtime_member.hpp>
#include <shoal/core/signal_wait.hpp>

#include <algorithm>
#include <atomic>
#include <latch>
#include <ranges>
#include <utility>

namespace shoal {
namespace {

start_failure stops_now() { return {make_error_code(errc::stopped), "the runtime stops"}; }

}  // namespace

/// A group that stops early: finished once all shards have stopped it.
struct runtime::departure {
  service_list services;
  std::function<void()> then;
  std::atomic<std::size_t> left;   // shards that have it
  std::function<void()> all_gone;  // on the shard that was last
};

/// On its way to a shard. Thrown away where it arrives too late: then the shard ends.
class runtime::member_call final : public foreign_item {
 public:
  /// Whoever waits for the answers.
  struct round {
    explicit round(std::size_t shards) : open(static_cast<std::ptrdiff_t>(shards)) {}
    std::latch open;
    std::atomic<std::size_t> done{0};
  };
  member_call(member& to, const std::function<void(member&)>& action, std::shared_ptr<round> asked)
      : to_(to), action_(action), asked_(std::move(asked)) {}
  ~member_call() override { asked_->open.count_down(); }
  void run() override {
    if (to_.stopping) return;
    action_(to_);
    asked_->done.fetch_add(1);
  }

 private:
  member& to_;
  const std::function<void(member&)>& action_;
  std::shared_ptr<round> asked_;
};

/// A service's stop() threw.
void runtime::member::log_failure(const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    log_error(shard::current().log(), "stopping a service failed: {}", error.what());
  } catch (...) {
    log_error(shard::current().log(), "stopping a service failed: it threw what is no std::exception");
  }
}

void runtime::add(service& s) { services_.push_back({.what = &s, .group = group_}); }

void runtime::remove(service& s) noexcept {
  const auto known = std::ranges::find(services_, &s, &entry::what);
  if (known == services_.end()) return;
  SHOAL_CHECK(!known->prepared, "a service was destroyed while it runs");
  services_.erase(known);
}

/// All that are not yet. One that fails is finished too, with those before it.
std::expected<void, start_failure> runtime::prepare_services() {
  std::vector<service*> done;
  for (entry& e : services_) {
    if (e.prepared) continue;
    e.prepared = true;
    done.push_back(e.what);
    auto prepared = e.what->prepare(*this);
    if (prepared) continue;
    finish_services(done);
    return prepared;
  }
  return {};
}

void runtime::finish_services(const std::vector<service*>& some) noexcept {
  for (entry& e : services_ | std::views::reverse) {
    if (!e.prepared || std::ranges::find(some, e.what) == some.end()) continue;
    e.prepared = false;
    e.what->finished();
  }
}

/// They will not start again, however long they still exist.
void runtime::forget(const std::vector<service*>& some) noexcept {
  std::erase_if(services_, [&some](const entry& e) { return std::ranges::find(some, e.what) != some.end(); });
}

runtime::service_list runtime::unprepared() const {
  auto made = std::make_shared<std::vector<service*>>();
  for (const entry& e : services_) {
    if (!e.prepared) made->push_back(e.what);
  }
  return made;
}

runtime::service_list runtime::prepared_of(service_group group) const {
  auto made = std::make_shared<std::vector<service*>>();
  for (const entry& e : services_) {
    if (e.group == group && e.prepared) made->push_back(e.what);
  }
  return made;
}

std::expected<void, start_failure> runtime::start_added() {
  SHOAL_CHECK(state_ != state::idle, "services were started late on a runtime that does not run");
  if (is_stopping()) return std::unexpected(stops_now());
  const service_list all = unprepared();
  if (auto prepared = prepare_services(); !prepared) {
    forget(*all);
    return prepared;
  }
  start_failure failure;
  if (start_group(all, failure)) return {};
  if (failure.error == errc::stopped) return std::unexpected(failure);
  std::promise<void> gone;
  auto undone = std::make_shared<departure>(all, nullptr, shards(), [&gone] { gone.set_value(); });
  stop_group(undone, duration::zero());
  auto stopped = gone.get_future();
  if (!machine_->threaded()) {
    machine_->step_until([&stopped] { return stopped.wait_for(std::chrono::seconds{0}) == std::future_status::ready; });
  }
  stopped.wait();
  finish_services(*all);
  forget(*all);
  return std::unexpected(failure);
}

/// False: a shard failed or had no time for it.
bool runtime::start_group(const service_list& group, start_failure& failure) {
  std::vector<std::optional<start_failure>> failures(shards());
  const std::size_t asked = on_every_member([&](member& self) {
    try {
      start_on(self, *group);
    } catch (...) {
      failures[self.id] = failure_of_start(self);
    }
  });
  for (auto& failed : failures) {
    if (failed) failure = std::move(*failed);
  }
  // A stop counts more: it ends the others.
  if (asked != shards()) failure = stops_now();
  return asked == shards() && std::ranges::none_of(failures, &std::optional<start_failure>::has_value);
}

void runtime::stop_early(service_group group, duration within, std::function<void()> then) {
  if (state_ == state::idle) return then();
  auto leaving = std::make_shared<departure>(prepared_of(group), std::move(then), shards());
  leaving->all_gone = [this, gone = std::weak_ptr{leaving}] { call([this, gone] { finish(gone.lock()); }); };
  departures_.push_back(leaving);
  stop_group(leaving, within);
}

void runtime::stop_first(service& s) {
  const auto put_last = [](auto& list, const auto known) { std::rotate(known, std::next(known), list.end()); };
  if (const auto known = std::ranges::find(services_, &s, &entry::what); known != services_.end()) {
    put_last(services_, known);
  }
  if (state_ == state::idle) return;
  on_every_member([&](member& self) {
    const auto known = std::ranges::find(self.services, &s);
    if (known != self.services.end()) put_last(self.services, known);
  });
}

void runtime::stop_group(const std::shared_ptr<departure>& leaving, duration within) {
  static_cast<void>(on_every_member(
      [&](member& self) { self.work.spawn(stop_early_on(self, leaving, self.running->now() + within)); }));
}

/// How many have done it: all, or the runtime stops. `action` throws nothing.
std::size_t runtime::on_every_member(const std::function<void(member&)>& action) {
  const auto asked = std::make_shared<member_call::round>(shards());
  for (const auto& m : members_) {
    std::unique_ptr<foreign_item> item = std::make_unique<member_call>(*m, action, asked);
    if (machine_->threaded()) {
      static_cast<void>(post_item(m->id, item));
    } else if (m->running != nullptr) {
      const shard::entered inside{*m->running};  // between two steps
      item->run();
      m->io->wake();
    }
  }
  asked->open.wait();
  return asked->done;
}

bool runtime::on_every_shard(const std::function<void(shard&)>& action) {
  if (state_ == state::idle) return false;
  return on_every_member([&action](member& self) { action(*self.running); }) == shards();
}

void runtime::finish(const std::shared_ptr<departure>& leaving) {
  if (std::erase(departures_, leaving) == 0) return;  // the end of the run was faster
  finish_services(*leaving->services);
  forget(*leaving->services);
  leaving->then();
}

/// The end of the run: all services are stopped.
void runtime::finish_departures() {
  for (entry& e : services_ | std::views::reverse) {
    if (std::exchange(e.prepared, false)) e.what->finished();
  }
  if (signal_actions_.empty()) {  // made by start(), only for calls
    const std::scoped_lock lock(calls_mutex_);
    signals_.reset();
  }
  for (const auto& leaving : std::exchange(departures_, {})) leaving->then();
  while (calls_waiting_) run_calls();
}

void runtime::call(std::function<void()> action) {
  {
    const std::scoped_lock lock(calls_mutex_);
    calls_.push_back(std::move(action));
    calls_waiting_ = true;
    if (signals_ != nullptr) signals_->wake();
  }
}

void runtime::run_calls() {
  std::vector<std::function<void()>> now;
  {
    const std::scoped_lock lock(calls_mutex_);
    now.swap(calls_);
    calls_waiting_ = false;
  }
  for (const auto& action : now) action();
}

// ---- on the shard's thread ----

/// One that throws fails the start of the runtime: what has started, here and elsewhere, stops at once.
void runtime::start_services(member& self) {
  const shard::entered here{*self.running};
  try {
    start_on(self, *start_list_);
  } catch (...) {
    service_failed_ = true;
    fail_start(failure_of_start(self));
    stop_now();
  }
  state_ = state::running;
}

void runtime::start_on(member& self, const std::vector<service*>& all) {
  for (service* s : all) {
    s->start(*self.running);
    self.services.push_back(s);
  }
}

/// Inside the handler of what start() threw.
start_failure runtime::failure_of_start(const member& self) noexcept {
  const std::string where = "shard " + std::to_string(self.id) + ": ";
  try {
    throw;
  } catch (const std::system_error& error) {
    return start_failure{error.code(), where + error.what()};
  } catch (const std::exception& error) {
    return start_failure{make_error_code(errc::handler_failed), where + error.what()};
  } catch (...) {
    return start_failure{make_error_code(errc::handler_failed), where + "a service threw what is no std::exception"};
  }
}

task<> runtime::stop_early_on(member& self, std::shared_ptr<departure> leaving, instant deadline) {
  auto stopping = stop_some(self, leaving->services, deadline);
  co_await stopping;
  const auto has_left = [&](service* s) {
    return std::ranges::find(*leaving->services, s) != leaving->services->end();
  };
  std::erase_if(self.leaving, has_left);
  if (leaving->left.fetch_sub(1) == 1) leaving->all_gone();
}

/// What leaves early has its own way to stop.
task<> runtime::stop_services(member& self) {
  shard& here = *self.running;
  if (options_.stop_delay > duration::zero() && !hurry_wanted_) {
    sleep_until delay{here.now() + options_.stop_delay};
    self.stop_delay = &delay;
    co_await delay;
    self.stop_delay = nullptr;
  }
  const instant deadline = here.now() + options_.drain_timeout;
  auto stopping = stop_some(self, std::make_shared<std::vector<service*>>(self.services), deadline);
  co_await stopping;
}

/// A service that fails to stop does not keep the others from it.
task<> runtime::stop_some(member& self, service_list some, instant deadline) {
  const auto is_meant = [&some](service* s) { return std::ranges::find(*some, s) != some->end(); };
  std::vector<service*> own;
  std::ranges::copy_if(self.services, std::back_inserter(own), is_meant);
  std::erase_if(self.services, is_meant);
  self.leaving.insert(self.leaving.end(), own.begin(), own.end());
  for (service* s : own | std::views::reverse) s->stopping(*self.running);
  for (service* s : own | std::views::reverse) {
    try {
      co_await s->stop(*self.running, deadline);
    } catch (...) {
      member::log_failure(std::current_exception());
    }
  }
}

}  // namespace shoal
