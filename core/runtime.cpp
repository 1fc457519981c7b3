// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/runtime.hpp>

#include <shoal/core/affinity.hpp>
#include <shoal/core/log_format.hpp>
#include <shoal/core/runtime_member.hpp>
#include <shoal/core/signal_wait.hpp>
#include <shoal/core/topology.hpp>

#include <algorithm>
#include <csignal>
#include <thread>

namespace shoal {

namespace {

/// Start-up and the end only: waits until `value` has reached `target`.
void wait_for(std::atomic<std::size_t>& value, std::size_t target) {
  for (std::size_t now = value.load(); now < target; now = value.load()) value.wait(now);
}

void arrive(std::atomic<std::size_t>& value) {
  value.fetch_add(1);
  value.notify_all();
}

log_options with_clock(log_options options, const std::shared_ptr<host>& machine) {
  if (!options.clock) options.clock = [machine] { return machine->wall_time(); };
  return options;
}

}  // namespace

runtime::runtime(runtime_options options, std::shared_ptr<host> machine)
    : options_(std::move(options)),
      machine_(std::move(machine)),
      log_(with_clock(options_.log, machine_)),
      watch_(*machine_, log_) {}

runtime::~runtime() {
  stop_now();
  wait();
  link_->cut();
}

bool runtime::claim_inherited(int fd) {
  if (std::ranges::find(inherited_, fd) != inherited_.end()) return false;
  inherited_.push_back(fd);
  return true;
}

void runtime::stop_on(std::initializer_list<int> signals) {
  for (const int number : signals) {
    on_signal(number, [this] { stop_wanted_ ? stop_now() : stop(); });
  }
}

void runtime::on_signal(int signal_number, std::function<void()> action) {
  if (signals_ == nullptr) signals_ = std::make_unique<signal_wait>();
  signals_->add(signal_number);
  signal_actions_.emplace_back(signal_number, std::move(action));
}

std::expected<void, start_failure> runtime::start() {
  SHOAL_CHECK(state_ == state::idle, "a runtime was started twice");
  link_->cut();
  link_ = std::make_shared<runtime_link>(*this);
  failed_ = service_failed_ = false;
  stop_wanted_ = hurry_wanted_ = false;  // from here on a stop() counts, also one from a prepare()
  auto plan = plan_shards(machine_->threaded() ? discover() : stepped_machine(), options_.shards);
  if (!plan) {
    const auto& error = plan.error();
    return std::unexpected(start_failure{make_error_code(errc::invalid_argument),
                                         std::string(error.key) + ": " + error.what + " (" + error.hint + ")"});
  }
  plan_ = std::move(*plan);
  inherited_.clear();
  start_list_ = unprepared();
  if (auto prepared = prepare_services(); !prepared) return prepared;
  if (machine_->threaded() && signals_ == nullptr) signals_ = std::make_unique<signal_wait>();
  state_ = state::starting;
  arrived_ = quiet_ = settled_ = 0;
  for (auto& sum : returned_) sum = 0;
  reports_.assign(shards(), {});
  loads_ = std::make_unique<shard_load[]>(shards());
  {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < shards(); ++i)
      members_.push_back(std::make_unique<member>(*this, static_cast<shard_id>(i)));
  }
  if (machine_->threaded()) {
    start_threads();
    wait_for(arrived_, 3 * shards());  // built, connected, services started
  } else {
    start_stepped();
  }
  if (failed_) {
    const auto failure = failure_;
    wait();
    return std::unexpected(failure);
  }
  return {};
}

void runtime::start_watch() {
  std::vector<shard_activity*> all;
  all.reserve(members_.size());
  for (const auto& m : members_) all.push_back(&m->activity);
  watch_.start(options_.stall, all);
}

void runtime::start_threads() {
  std::size_t started = 0;
  std::string what = "helper threads";
  try {
    helpers_.start(std::max(options_.helper_threads, 1U), shards());
    what = "the stall watch and its signal";
    start_watch();
    for (; started < shards(); ++started) {
      what = "shard " + std::to_string(started) + ": thread";
      members_[started]->thread = std::thread([this, &self = *members_[started]] { shard_main(self); });
    }
  } catch (const std::system_error& error) {
    fail_start({error.code(), what});
    // Those that started must not wait at the gates for those that never will.
    arrived_.fetch_add(gates * (shards() - started));
    arrived_.notify_all();
  }
}

void runtime::fail_start(start_failure failure) {
  const std::scoped_lock lock(mutex_);
  if (!failed_) failure_ = std::move(failure);
  failed_ = true;
}

int runtime::run() {
  if (auto started = start(); !started) {
    log_error(log_, "{}: {}", started.error().what, started.error().error.message());
    return 1;
  }
  wait_for_signals();
  return 0;
}

void runtime::wait_for_signals() {
  // A 0 may also be the wake-up of an earlier run that nobody waited for.
  while (machine_->threaded() && state_ != state::idle && !has_ended()) {
    const int number = signals_->wait();
    for (const auto& [signal_number, action] : signal_actions_) {
      if (signal_number == number) action();
    }
    run_calls();
  }
  wait();
}

void runtime::wait() {
  while (!machine_->threaded() && !members_.empty() && !has_ended()) {
    machine_->step_until([this] { return has_ended() || calls_waiting_; });
    run_calls();
  }
  for (const auto& m : members_) {
    if (m->thread.joinable()) m->thread.join();
  }
  if (members_.empty()) return;
  watch_.stop();
  helpers_.stop();
  link_->cut();
  {
    const std::scoped_lock lock(mutex_);
    members_.clear();
    state_ = state::idle;
  }
  finish_departures();
}

void runtime::stop() noexcept {
  stop_wanted_ = true;
  wake_all();
}

void runtime::stop_now() noexcept {
  hurry_wanted_ = true;
  stop();
}

void runtime::wake_all() noexcept {
  const std::scoped_lock lock(mutex_);
  if (state_ == state::idle || state_ == state::starting) return;  // run_shard() looks before it blocks
  for (const auto& m : members_) {
    if (m->io != nullptr) m->io->wake();
  }
}

bool runtime::post_item(shard_id to, std::unique_ptr<foreign_item>& item) noexcept {
  const std::scoped_lock lock(mutex_);
  if (state_ != state::running || to >= members_.size()) return false;
  return members_[to]->running->mail().post_foreign(item);
}

shard_options runtime::options_for(shard_id id) {
  const placement& where = plan_.shards[id];
  shard_options made;
  made.id = id;
  made.shards = shards();
  made.load = &loads_[id];
  made.idle_spin = options_.idle_spin;
  made.fence = machine_->threaded() ? choose_fence() : fence_kind::read_modify_write;
  if (machine_->threaded()) {
    made.activity = &members_[id]->activity;
    made.watch = &watch_;
  }
  made.memory.owner = id;
  made.memory.limit_bytes = where.memory;
  made.memory.reserve_bytes = std::min(made.memory.reserve_bytes, where.memory / 4);
  if (where.numa != placement::anywhere) {
    made.memory.on_map = [numa = where.numa](void* memory, std::size_t bytes) {
      static_cast<void>(bind_memory(memory, bytes, numa));  // memory elsewhere is slower, not wrong
    };
  }
  return made;
}

// ---- on the shard's thread ----

void runtime::shard_main(member& self) {
  stall_watch::join(self.activity);
  if (bind_thread(self)) build_shard(self);
  arrive(arrived_);
  wait_for(arrived_, shards());  // all built, or one failed
  if (!failed_) connect_shard(self);
  arrive(arrived_);
  wait_for(arrived_, 2 * shards());  // all connected
  const bool able = !failed_ || service_failed_;
  if (able) start_services(self);
  arrive(arrived_);
  while (able && step_shard(self)) {
  }
  arrive(arrived_);
  wait_for(arrived_, 4 * shards());  // nobody uses anybody's mailbox any more
  helpers_.wait_idle();
  end_shard(self);
  watch_.leave(self.activity);
  arrive(arrived_);
  if (has_ended() && signals_ != nullptr) signals_->wake();
}

bool runtime::bind_thread(const member& self) {
  const placement& where = plan_.shards[self.id];
  name_this_thread(("shoal-" + std::to_string(self.id)).c_str());
  if (!where.pinned) return true;
  auto bound = bind_this_thread(where.cpu);
  if (!bound) {
    fail_start({bound.error(), "shard " + std::to_string(self.id) + ": cpu " + std::to_string(where.cpu)});
  }
  return bound.has_value();
}

void runtime::build_shard(member& self) {
  const placement& where = plan_.shards[self.id];
  auto io = machine_->make_poller(options_.poller);
  if (!io) return fail_start({io.error(), "shard " + std::to_string(self.id) + ": poller"});
  auto& made = reports_[self.id];
  made.where = where;
  made.poller_name = (*io)->name();
  made.poller_reason = (*io)->reason();
  self.io = io->get();
  self.running = std::make_unique<shard>(options_for(self.id), *this, *machine_, std::move(*io), log_);
  self.running->memory().bind_to_this_thread();
}

void runtime::connect_shard(member& self) {
  std::vector<mailbox*> all;
  all.reserve(members_.size());
  for (const auto& m : members_) all.push_back(&m->running->mail());
  self.running->mail().connect(all, self.running->io());
}

/// A turn, and what a stop wants after it. False once every shard is quiet.
bool runtime::step_shard(member& self) {
  shard& here = *self.running;
  if (quiet_.load(std::memory_order_acquire) == shards()) return false;
  const bool news = (stop_wanted_ && !self.stopping) || (hurry_wanted_ && !self.hurried);
  here.turn(!news);
  if (stop_wanted_ && !here.is_asleep()) {
    const shard::entered inside{here};
    advance_stop(self);
  }
  return true;
}

/// Bytes that went on from shard to shard come home one shard at a time: what returns here may be what somebody else
/// waits for. So all go on, in rounds, until nobody gets anything any more.
void runtime::settle_returns(slab& memory) {
  std::array<std::uint64_t, 2> before{};
  for (std::size_t round = 1;; ++round) {
    std::atomic<std::uint64_t>& sum = returned_[round % 2];
    sum.fetch_add(memory.drain_returns());
    arrive(settled_);
    wait_for(settled_, round * shards());
    // Nobody adds to it before all have read it: that is two rounds later.
    const std::uint64_t now = sum.load();
    if (now == std::exchange(before[round % 2], now)) return;
  }
}

void runtime::end_shard(member& self) {
  if (self.running != nullptr) {
    self.running->io().release_memory();
    if (machine_->threaded() && !failed_) settle_returns(self.running->memory());
    report(self);
  }
  {
    const std::scoped_lock lock(mutex_);
    state_ = state::stopping;
    self.io = nullptr;
  }
  self.running.reset();
}

/// After each turn once a stop is wanted: takes the next step as soon as the last is done.
void runtime::advance_stop(member& self) {
  shard& here = *self.running;
  if (!self.stopping) {
    self.stopping = true;
    here.mail().close_foreign();
    self.work.spawn(stop_services(self));
  }
  if (hurry_wanted_ && !self.hurried) {
    self.hurried = true;
    if (self.stop_delay != nullptr) self.stop_delay->end_early();
    for (service* s : self.services) s->hurry(here);
    for (service* s : self.leaving) s->hurry(here);
  }
  if (self.work.running() != 0) return;
  if (!self.locals_stopped) {
    self.locals_stopped = true;
    here.stop_locals();
  }
  if (self.hurried && !self.locals_hurried) {
    self.locals_hurried = true;
    here.hurry_locals();
  }
  if (self.counted_quiet || !here.is_quiet()) return;
  self.counted_quiet = true;
  if (quiet_.fetch_add(1, std::memory_order_acq_rel) + 1 == shards()) wake_all();
}

void runtime::report(member& self) {
  shard& here = *self.running;
  auto& made = reports_[self.id];
  made.turn = here.counters();
  made.io = here.io().counters();
  made.mail = here.mail().counters();
  made.fds = here.io().attached();
  made.timers = here.timers().size();
  const auto& memory = here.memory().counters();
  made.bytes_copied = memory.bytes_copied;
  for (const auto in_use : memory.blocks_in_use) made.blocks += in_use;
}

}  // namespace shoal
