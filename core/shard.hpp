// SPDX-License-Identifier: Apache-2.0
// shard: one core's share of everything, and the turn it takes over and over.
//
//   poll(deadline) -> deliver -> drain mail -> run tasks -> expire timers -> flush dirty -> (idle policy: next
//   deadline)
//
// Thread rule: a shard belongs to the thread that runs it (or to the simulator's thread, one shard at a time).
//   Only id(), post_foreign() and wake() may be called from elsewhere.
// Invariants:
//  1. current() is this shard while any code of the shard runs; it is the only thread_local of shoal.
//  2. now() is read once per poll and does not move inside a turn.
//  3. Application code runs in deliver, drain mail, run tasks and expire timers, never inside poll().
//  4. Each step is bounded: one delivery per operator, drain_budget messages, task_budget tasks, timer_budget timers.
#pragma once

#include <shoal/buffers/slab.hpp>
#include <shoal/core/fd_operator.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/instant.hpp>
#include <shoal/core/load_meter.hpp>
#include <shoal/core/mailbox.hpp>
#include <shoal/core/poller/poller.hpp>
#include <shoal/core/random.hpp>
#include <shoal/core/run_item.hpp>
#include <shoal/core/shard_activity.hpp>
#include <shoal/core/shard_load.hpp>
#include <shoal/core/timer_wheel.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace shoal {

class logger;
class runtime;
class stall_watch;

/// Tasks run per turn; what is left waits for the next one, so that input is looked at in between.
inline constexpr unsigned task_budget = 256;
/// Timers fired per turn; a storm of time-outs must not hold the shard.
inline constexpr unsigned timer_budget = 1024;
/// Code that calls maybe_yield() lets others run when its turn has lasted this long. A request may wait for the rest of
/// one such turn, and its reply, which leaves after the turn, for all of the next: together half a millisecond.
inline constexpr duration slice_length = std::chrono::microseconds{250};
/// How deep completions may nest on the stack before they go through the run queue (D10). The same in every build.
inline constexpr unsigned inline_depth_limit = 32;

struct shard_counters {
  std::uint64_t turns = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t messages = 0;
  std::uint64_t tasks = 0;
  std::uint64_t timers = 0;
  std::uint64_t flushes = 0;
};

struct shard_options {
  shard_id id = 0;
  std::size_t shards = 1;
  slab_options memory;
  duration idle_spin = duration::zero();  ///< keep polling this long after the last work before sleeping
  fence_kind fence = fence_kind::read_modify_write;
  shard_load* load = nullptr;          ///< where to publish it; must outlive the shard
  shard_activity* activity = nullptr;  ///< where to say what goes on, for `watch`; must outlive both
  stall_watch* watch = nullptr;
};

class shard final : private poll_sleeper {
 public:
  /// The shard whose code is running. There must be one.
  [[nodiscard]] static shard& current() noexcept {
    SHOAL_ASSERT(current_ != nullptr);
    return *current_;
  }
  [[nodiscard]] static shard* current_or_null() noexcept { return current_; }

  shard(const shard_options& options, runtime& owner, host& machine, std::unique_ptr<poller> io, logger& log);
  shard(const shard&) = delete;
  shard& operator=(const shard&) = delete;
  ~shard();

  [[nodiscard]] shard_id id() const noexcept { return id_; }
  [[nodiscard]] instant now() const noexcept { return now_; }
  [[nodiscard]] slab& memory() noexcept { return *memory_; }
  [[nodiscard]] poller& io() noexcept { return *io_; }
  [[nodiscard]] timer_wheel& timers() noexcept { return timers_; }
  [[nodiscard]] random_source& random() noexcept { return random_; }
  [[nodiscard]] mailbox& mail() noexcept { return mail_; }
  [[nodiscard]] host& machine() noexcept { return machine_; }
  [[nodiscard]] logger& log() noexcept { return log_; }
  [[nodiscard]] runtime& owner() const noexcept { return owner_; }
  [[nodiscard]] const shard_counters& counters() const noexcept { return counters_; }
  /// This shard's; those of the others are runtime::load_of().
  [[nodiscard]] shard_load& load() noexcept { return load_; }
  /// Keeps the CPU busy for so long: work of a known size, for demonstrations and tests. Simulated time stands still
  /// inside a turn as ever, and the next turn comes so much later.
  void burn(duration cpu_time) noexcept { machine_.burn(*io_, cpu_time); }

  /// Runs `item` in the "run tasks" step.
  void schedule(run_item& item) noexcept { tasks_.push_back(item); }
  /// The same, but after the next poll: everything else comes first.
  void schedule_next_turn(run_item& item) noexcept { next_turn_.push_back(item); }
  /// Takes back what was scheduled and has not run; harmless otherwise. For a frame that goes before its turn has come.
  /// Walks the queue.
  void unschedule(run_item& item) noexcept {
    if (!item.is_linked()) return;
    const auto is_item = [&item](const run_item& other) { return &other == &item; };
    tasks_.remove_if(is_item);
    next_turn_.remove_if(is_item);
  }
  /// Whether long work may go on, see maybe_yield.hpp.
  [[nodiscard]] bool slice_goes_on() noexcept {
    return slice_calls_left_ != 0 ? (--slice_calls_left_, true) : look_at_slice();
  }
  /// For reports of stalls: the hook that runs from here on, a string of static life, or nullptr.
  void note_hook(const char* name) noexcept { activity_.hook.store(name, std::memory_order_relaxed); }
  /// Runs `item` here and now if the stack is not too deep, else in the "run tasks" step (D10).
  void run_or_schedule(run_item& item) {
    if (inline_depth_ >= inline_depth_limit) return schedule(item);
    ++inline_depth_;
    item.run(item);
    --inline_depth_;
  }
  /// Enters a nested inline completion; false when the limit is reached and the caller must schedule() instead.
  [[nodiscard]] bool enter_inline() noexcept {
    if (inline_depth_ >= inline_depth_limit) return false;
    ++inline_depth_;
    return true;
  }
  void leave_inline() noexcept { --inline_depth_; }

  /// Calls op.deliver() in the next "deliver" step (this turn's, when called from a report). Idempotent.
  void schedule_delivery(fd_operator& op) noexcept {
    if (op.delivery_pending_) return;
    op.delivery_pending_ = true;
    deliveries_.push_back(op);
  }
  /// Calls op.flush_dirty() at the end of this turn. Idempotent.
  void mark_dirty(fd_operator& op) noexcept {
    if (op.dirty_) return;
    op.dirty_ = true;
    dirty_.push_back(op);
  }

  /// The one T of this shard, made on first use and destroyed with the shard, last made first.
  template <class T>
  [[nodiscard]] T& local() {
    for (const auto& entry : locals_) {
      if (entry.key == &local_key<T>) return static_cast<local_holder<T>&>(*entry.object).value;
    }
    auto made = std::make_unique<local_holder<T>>(*this);
    T& value = made->value;
    locals_.push_back({&local_key<T>, std::move(made)});
    return value;
  }

  /// Whether whoever runs application code should measure what it costs, for a decision that is under way.
  [[nodiscard]] bool samples_work() const noexcept { return samples_work_; }
  void sample_work(bool on) noexcept { samples_work_ = on; }

  /// One turn. `may_block`: sleep in the kernel when there is nothing to do.
  void turn(bool may_block);
  /// Between two turns only on a simulated host: the last one sleeps still.
  [[nodiscard]] bool is_asleep() const noexcept { return asleep_; }

  /// Makes this shard current for a scope: construction, destruction, the simulator.
  class entered {
   public:
    explicit entered(shard& s) noexcept : before_(current_) { current_ = &s; }
    entered(const entered&) = delete;
    entered& operator=(const entered&) = delete;
    ~entered() { current_ = before_; }

   private:
    shard* before_;
  };

  /// The end, in the order of D14: tells the locals that have a stop() to end what they hold, then is_quiet() once
  /// nothing is left that could run or wait and the locals that have an is_quiet() agree, then the destructor.
  void stop_locals();
  /// After stop_locals(): those that have a hurry() end by force what they let finish.
  void hurry_locals();
  [[nodiscard]] bool is_quiet() const noexcept;

 private:
  struct local_base {
    virtual ~local_base() = default;
    virtual void stop() {}
    virtual void hurry() {}
    [[nodiscard]] virtual bool is_quiet() const noexcept { return true; }
  };
  template <class T>
  struct local_holder final : local_base {
    explicit local_holder(shard& s) : value(s) {}
    void stop() override {
      if constexpr (requires(T& t) { t.stop(); }) value.stop();
    }
    void hurry() override {
      if constexpr (requires(T& t) { t.hurry(); }) value.hurry();
    }
    [[nodiscard]] bool is_quiet() const noexcept override {
      if constexpr (requires(const T& t) { t.is_quiet(); }) {
        return value.is_quiet();
      } else {
        return true;
      }
    }
    T value;
  };
  struct local_entry {
    const void* key;
    std::unique_ptr<local_base> object;
  };
  template <class T>
  static constexpr char local_key = 0;

  using delivery_list = boost::intrusive::slist<
      fd_operator,
      boost::intrusive::member_hook<fd_operator, fd_operator::list_hook<fd_operator::delivery_tag>,
                                    &fd_operator::delivery_hook>,
      boost::intrusive::cache_last<true>, boost::intrusive::constant_time_size<false>>;
  using dirty_list =
      boost::intrusive::slist<fd_operator,
                              boost::intrusive::member_hook<fd_operator, fd_operator::list_hook<fd_operator::dirty_tag>,
                                                            &fd_operator::dirty_hook>,
                              boost::intrusive::cache_last<true>, boost::intrusive::constant_time_size<false>>;

  [[nodiscard]] bool has_own_work() const noexcept {
    return !tasks_.empty() || !next_turn_.empty() || !deliveries_.empty() || !dirty_.empty();
  }
  [[nodiscard]] bool has_work() const noexcept { return has_own_work() || mail_.has_mail(); }
  [[nodiscard]] instant next_deadline(bool may_block) const noexcept;
  instant before_block(instant deadline) override;
  void after_block() override;
  void deliver();
  void drain_mail();
  void linger();
  void run_tasks();
  void expire_timers();
  void flush_dirty();
  void destroy_locals();
  void plan_trim();
  void note_work() noexcept;
  void enter(turn_step step) noexcept { activity_.enter(counters_.turns, step); }
  [[nodiscard]] bool look_at_slice() noexcept;

  inline static constinit thread_local shard* current_ = nullptr;

  const shard_id id_;
  const duration idle_spin_;
  runtime& owner_;
  host& machine_;
  logger& log_;
  slab_ptr memory_;
  std::unique_ptr<poller> io_;
  instant now_;
  instant last_work_;
  unsigned inline_depth_ = 0;
  bool asleep_ = false;
  bool samples_work_ = false;
  bool worked_ = false;      // the turn that goes on or ended last
  unsigned mail_taken_ = 0;  // messages of that turn
  run_queue tasks_;
  run_queue next_turn_;  // tasks from the beginning of the next turn on
  delivery_list deliveries_;
  dirty_list dirty_;
  timer_wheel timers_;
  random_source random_;
  mailbox mail_;
  shard_counters counters_;
  unsigned trims_left_ = 0;
  bool ending_ = false;
  timer trim_timer_;  // gives unused memory back, and is armed only after work
  std::vector<local_entry> locals_;
  unsigned slice_calls_left_ = 0;  // of slice_goes_on(), before it looks at the clock again
  unsigned slice_calls_ = 1;       // how many that was
  instant slice_looked_at_;
  shard_load own_load_;  // where nobody looks
  shard_load& load_;
  load_meter meter_;
  std::uint64_t events_seen_ = 0;  // of the poller
  shard_activity own_activity_;    // where nobody looks
  shard_activity& activity_;
  stall_watch* const watch_;
};

}  // namespace shoal
