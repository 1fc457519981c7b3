// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/shard.hpp>

#include <shoal/core/frame_memory.hpp>
#include <shoal/core/stall_watch.hpp>

#include <algorithm>
#include <utility>

namespace shoal {
namespace {

// Memory that no turn needed for this long goes back to the kernel. Two looks: the slab gives what stayed unused
// since the one before.
constexpr duration trim_interval = std::chrono::seconds{1};
constexpr unsigned trims_after_work = 2;
// What a spinning shard does for mail before it asks the kernel again. A look takes a few nanoseconds: so many in a row
// are some round trips, and all of a turn some microseconds. Messages are limited as without it, by drain_budget.
constexpr unsigned looks_in_a_row = 256;
constexpr unsigned looks_in_a_turn = 2048;
// More at once are many on their way: cheaper in the batches that turns make of them than in the small ones of a look.
constexpr unsigned few_messages = 4;
// Where time stands still inside a turn, long work is cut by count.
constexpr unsigned stepped_calls_per_slice = 64;

}  // namespace

shard::shard(const shard_options& options, runtime& owner, host& machine, std::unique_ptr<poller> io, logger& log)
    : id_(options.id),
      idle_spin_(options.idle_spin),
      owner_(owner),
      machine_(machine),
      log_(log),
      memory_(slab::make(options.memory)),
      io_(std::move(io)),
      now_(machine.now()),
      last_work_(now_),
      timers_(now_),
      random_(machine.random_seed()),
      mail_(options.id, options.shards, options.fence),
      trim_timer_([](timer&) noexcept {
        shard& here = current();
        --here.trims_left_;
        here.memory().trim();
      }),
      load_(options.load != nullptr ? *options.load : own_load_),
      meter_(load_, now_),
      activity_(options.activity != nullptr ? *options.activity : own_activity_),
      watch_(options.watch) {
  io_->use_memory(*memory_);
}

shard::~shard() {
  const entered here{*this};
  destroy_locals();
  SHOAL_ASSERT(deliveries_.empty() && dirty_.empty());
  io_.reset();
}

void shard::stop_locals() {
  ending_ = true;
  timers_.cancel(trim_timer_);
  // By index: a stop() may look up a local that did not exist yet.
  for (std::size_t i = locals_.size(); i-- > 0;) locals_[i].object->stop();
}

void shard::hurry_locals() {
  for (std::size_t i = locals_.size(); i-- > 0;) locals_[i].object->hurry();
}

bool shard::is_quiet() const noexcept {
  if (has_work() || io_->attached() != 0 || mail_.in_flight() != 0) return false;
  return std::ranges::all_of(locals_, [](const local_entry& entry) { return entry.object->is_quiet(); });
}

void shard::destroy_locals() {
  while (!locals_.empty()) {
    // Moved out first: a destructor may look another local up.
    const auto object = std::move(locals_.back().object);
    locals_.pop_back();
  }
}

void shard::turn(bool may_block) {
  const entered here{*this};
  ++counters_.turns;
  tasks_.splice(tasks_.end(), next_turn_);
  enter(turn_step::poll);
  io_->poll(next_deadline(may_block), *this);
  if (asleep_) return;  // simulated: the sleep goes on, and the next turn ends it
  enter(turn_step::deliver);
  deliver();
  enter(turn_step::mail);
  drain_mail();
  enter(turn_step::tasks);
  run_tasks();
  enter(turn_step::timers);
  expire_timers();
  enter(turn_step::flush);
  flush_dirty();
  mail_.publish_all();
  if (may_block) linger();
  memory_->drain_returns();
  plan_trim();
  note_work();
}

/// For the load: did this turn do anything? Events that deliver nothing are the kernel's news of what leaves.
void shard::note_work() noexcept {
  const std::uint64_t events = io_->counters().events;
  worked_ = last_work_ == now_ || events != events_seen_;
  events_seen_ = events;
}

void shard::plan_trim() {
  if (last_work_ == now_) trims_left_ = trims_after_work;
  if (trims_left_ != 0 && !ending_ && !trim_timer_.armed()) timers_.arm(trim_timer_, now_ + trim_interval);
}

/// The idle policy: do not block while there is work or `idle_spin` has not passed since the last; else until the next
/// timer.
instant shard::next_deadline(bool may_block) const noexcept {
  if (!may_block || has_work()) return instant::min();
  if (idle_spin_ != duration::zero() && now_ - last_work_ < idle_spin_) return instant::min();
  return timers_.next_deadline();
}

instant shard::before_block(instant deadline) {
  if (deadline == instant::min() || has_work()) return instant::min();
  mail_.publish_all();  // what tasks sent between two turns, at the start and at the stop
  asleep_ = mail_.fall_asleep();
  if (!asleep_) return instant::min();
  enter(turn_step::asleep);
  instant end = now_;
  if (worked_) {
    worked_ = false;
    end = machine_.now();
    meter_.add_turn(end - now_);
  }
  meter_.fell_asleep(end, io_->counters());
  return deadline;
}

void shard::after_block() {
  if (asleep_) {
    asleep_ = false;
    mail_.wake_up();
    enter(turn_step::poll);
    if (watch_ != nullptr && watch_->is_dormant()) watch_->rouse();
  }
  const instant before = std::exchange(now_, machine_.now());
  if (worked_) meter_.add_turn(now_ - before);
  worked_ = false;
  meter_.polled(now_, io_->counters());
}

void shard::deliver() {
  delivery_list batch;
  batch.swap(deliveries_);
  if (!batch.empty()) last_work_ = now_;
  while (!batch.empty()) {
    fd_operator& op = batch.front();
    batch.pop_front();
    op.delivery_pending_ = false;
    ++counters_.deliveries;
    op.deliver();
  }
}

void shard::drain_mail() {
  mail_taken_ = mail_.drain();
  counters_.messages += mail_taken_;
  if (mail_taken_ != 0) last_work_ = now_;
}

/// A shard that spins and has just had mail answers the same shard at once, as long as there is nothing else to do: a
/// round trip must not wait for two questions to the kernel, which take longer than all the rest of it.
void shard::linger() {
  if (idle_spin_ == duration::zero() || mail_taken_ == 0 || !machine_.threaded()) return;
  enter(turn_step::mail);
  unsigned in_a_row = 0;
  unsigned taken = mail_taken_;
  for (unsigned looks = 0; looks < looks_in_a_turn && in_a_row < looks_in_a_row; ++looks) {
    if (taken > few_messages || mail_taken_ >= drain_budget || has_own_work()) break;
    taken = mail_.drain_recent(drain_budget - mail_taken_);
    mail_taken_ += taken;
    counters_.messages += taken;
    in_a_row = taken != 0 ? 0 : in_a_row + 1;
    if (taken == 0) mail_.publish_all();  // what comes without a gap is answered together
  }
  mail_.publish_all();
}

void shard::run_tasks() {
  if (!tasks_.empty()) last_work_ = now_;
  for (unsigned i = 0; i < task_budget && !tasks_.empty(); ++i) {
    run_item& item = tasks_.front();
    tasks_.pop_front();
    ++counters_.tasks;
    item.run(item);
  }
}

/// The clock is looked at by every 16th call while calls come fast, by every one when they are slow: so a step that
/// suddenly takes long costs 16 of them at most. (A flag set by another thread would be cheaper; measured, that thread
/// gets no CPU just when all shards work.)
bool shard::look_at_slice() noexcept {
  constexpr unsigned most_calls = 16;
  constexpr duration short_gap = slice_length / 16;
  if (!machine_.threaded()) {  // simulated time stands still inside a turn
    slice_calls_left_ = stepped_calls_per_slice - 1;
    return false;
  }
  const instant now = machine_.now();
  slice_calls_ = now - slice_looked_at_ < short_gap ? std::min(2 * slice_calls_, most_calls) : 1;
  slice_calls_left_ = slice_calls_ - 1;
  slice_looked_at_ = now;
  return now - now_ < slice_length;
}

void shard::expire_timers() {
  const unsigned trims_before = trims_left_;
  const std::size_t fired = timers_.expire(now_, timer_budget);
  counters_.timers += fired;
  // Giving memory back is no work, or a shard would trim for ever because it trims.
  if (fired != trims_before - trims_left_) last_work_ = now_;
}

void shard::flush_dirty() {
  while (!dirty_.empty()) {
    fd_operator& op = dirty_.front();
    dirty_.pop_front();
    op.dirty_ = false;
    ++counters_.flushes;
    op.flush_dirty();
  }
}

void* detail::allocate_frame(std::size_t bytes) {
  void* memory = shard::current().memory().allocate_node(bytes, draw::reserve);
  SHOAL_CHECK(memory != nullptr, "the slab's reserve is used up; raise memory_per_shard");
  return memory;
}

void detail::free_frame(void* frame, std::size_t bytes) noexcept { slab::free_node(frame, bytes); }

}  // namespace shoal
