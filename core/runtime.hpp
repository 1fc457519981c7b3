// SPDX-License-Identifier: Apache-2.0
// runtime: the shards of one program part, from start to stop. An object, not a global: several may live in one
// process, and each can start and stop many times (D4).
//
//   runtime r{options};  server s{r, ...};  r.stop_on({SIGINT, SIGTERM});  return r.run();
//
// Thread rule: one thread builds, starts, runs and destroys it; stop(), stop_now() and post() may be called from any.
// Invariants:
//  1. Shards run only between start() and the end of stop; services are started in order and stopped in reverse (D14).
//     Some may come and go meanwhile (runtime_services.cpp), for who reconfigures a server that runs.
//  2. A shard leaves its loop only when every shard is quiet, so a message in flight always returns.
#pragma once

#include <shoal/core/helper_pool.hpp>
#include <shoal/core/host/host.hpp>
#include <shoal/core/log.hpp>
#include <shoal/core/runtime_link.hpp>
#include <shoal/core/service.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/shard_plan.hpp>
#include <shoal/core/stall_watch.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shoal {

class signal_wait;

struct runtime_options {
  shard_request shards;  ///< how many, where, with how much memory
  poller_kind poller = poller_kind::automatic;
  duration idle_spin = duration::zero();
  unsigned helper_threads = 2;                        ///< for offload(); at least 1
  duration stop_delay = duration::zero();             ///< stop() goes on serving this long before it begins
  duration drain_timeout = std::chrono::seconds{30};  ///< stop() finishes gracefully until then
  stall_options stall;
  log_options log;
};

/// Services that stop together; `apart`: those that stay to the end.
enum class service_group : std::uint64_t { apart = 0 };

/// What one shard did and what it left behind; read after the end.
struct shard_report {
  placement where;
  std::string poller_name;
  std::string poller_reason;
  shard_counters turn;
  poller_counters io;
  mailbox_counters mail;
  std::uint64_t bytes_copied = 0;
  // Left over: all zero unless there is a leak.
  std::size_t fds = 0;
  std::size_t blocks = 0;
  std::size_t timers = 0;
};

class runtime {
 public:
  explicit runtime(runtime_options options = {}, std::shared_ptr<host> machine = make_real_host());
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  /// Stops at once what still runs.
  ~runtime();

  /// Before start(): started with it. Later: waits for start_added(). Must outlive its end. server does it by itself.
  void add(service& s);
  /// Of one that does not run.
  void remove(service& s) noexcept;
  /// While services prepare: each inherited descriptor has one owner. False when it has one already.
  [[nodiscard]] bool claim_inherited(int fd);

  /// run() ends gracefully on the first of these signals and at once on the second. Blocks them in this thread and
  /// those it starts.
  void stop_on(std::initializer_list<int> signals);
  /// Calls `action` on the thread in run() for each such signal.
  void on_signal(int signal_number, std::function<void()> action);

  /// Services that come and go while it runs; on the thread that runs it (shared_service.hpp does it for you).
  class grouping;
  /// Prepares what was added since the start or the last such call and starts it on every shard; returns when it has
  /// started. On an error nothing of it runs, nor ever will; errc::stopped: the runtime stops, and what was added must
  /// outlive that.
  [[nodiscard]] std::expected<void, start_failure> start_added();
  /// Stops a group on every shard, in reverse order, within so much time; returns at once. `then` runs on the thread in
  /// run() when all of it has finished and may be destroyed, at the latest at the end of the run; at once if it does
  /// not run.
  void stop_early(service_group group, duration within, std::function<void()> then);
  /// From now on `s` stops before all that is there: it has come to need newer services.
  void stop_first(service& s);
  /// Runs `action` on every shard and returns when all have; it throws nothing. False: some stop, or it does not run.
  bool on_every_shard(const std::function<void(shard&)>& action);
  /// Runs `action` on the thread in run(), in wait() at the end. Any thread.
  void call(std::function<void()> action);

  /// Plans, prepares the services and starts all shards; returns when every shard runs.
  [[nodiscard]] std::expected<void, start_failure> start();
  /// start(), then wait for the end. A failed start is logged. 0 or 1, as main() returns.
  [[nodiscard]] int run();
  /// Waits for the end of what start() started. On a host without threads: steps the shards until then.
  void wait();
  /// The same, acting on the signals that were asked for. A host without threads has no signals.
  void wait_for_signals();
  /// Graceful: services finish until drain_timeout. Returns at once. Without effect before start().
  void stop() noexcept;
  /// The same without waiting for anything.
  void stop_now() noexcept;

  /// It does not run: not started yet, or waited for.
  [[nodiscard]] bool is_idle() const noexcept { return state_ == state::idle; }
  /// From stop() on, while it still serves for stop_delay too; any thread. For who asks whether to send more work here.
  [[nodiscard]] bool is_stopping() const noexcept { return stop_wanted_.load(std::memory_order_relaxed); }

  [[nodiscard]] std::size_t shards() const noexcept { return plan_.shards.size(); }
  [[nodiscard]] const shard_plan& plan() const noexcept { return plan_; }
  [[nodiscard]] const runtime_options& options() const noexcept { return options_; }
  [[nodiscard]] logger& log() noexcept { return log_; }
  [[nodiscard]] host& machine() noexcept { return *machine_; }
  [[nodiscard]] helper_pool& helpers() noexcept { return helpers_; }
  /// By shard; complete after the end, name and reason of the poller from start() on.
  [[nodiscard]] const std::vector<shard_report>& reports() const noexcept { return reports_; }

  /// How busy a shard is. From start() on until the next; any shard, and any thread while the runtime lives.
  [[nodiscard]] const shard_load& load_of(shard_id id) const noexcept {
    SHOAL_ASSERT(id < shards());
    return loads_[id];
  }

  /// The current (or last) run, for who may outlive it.
  [[nodiscard]] const std::shared_ptr<runtime_link>& link() const noexcept { return link_; }

  /// Runs `function` on a shard, from a thread that is none. The future has std::system_error(errc::stopped) when the
  /// runtime does not run.
  template <std::invocable Function>
  [[nodiscard]] auto post(shard_id to, Function function) -> std::future<std::invoke_result_t<Function>>;

 private:
  /// Where all shards meet: built, connected, started, stopped, gone.
  static constexpr std::size_t gates = 5;
  enum class state : std::uint8_t { idle, starting, running, stopping };
  struct member;
  template <class Function>
  class posted_call;
  struct entry {
    service* what;
    service_group group;
    bool prepared = false;  // and not finished
  };
  using service_list = std::shared_ptr<const std::vector<service*>>;
  struct departure;
  class member_call;

  [[nodiscard]] std::expected<void, start_failure> prepare_services();
  void finish_services(const std::vector<service*>& some) noexcept;
  void forget(const std::vector<service*>& some) noexcept;
  [[nodiscard]] service_list unprepared() const;
  [[nodiscard]] service_list prepared_of(service_group group) const;
  [[nodiscard]] bool start_group(const service_list& group, start_failure& failure);
  void stop_group(const std::shared_ptr<departure>& leaving, duration within);
  void finish(const std::shared_ptr<departure>& leaving);
  void finish_departures();
  void run_calls();
  std::size_t on_every_member(const std::function<void(member&)>& action);
  [[nodiscard]] static task<> stop_early_on(member& self, std::shared_ptr<departure> leaving, instant deadline);
  static void start_on(member& self, const std::vector<service*>& all);
  [[nodiscard]] static start_failure failure_of_start(const member& self) noexcept;
  void start_threads();
  void start_watch();
  void fail_start(start_failure failure);
  [[nodiscard]] bool has_ended() const noexcept { return arrived_ == gates * shards(); }
  void shard_main(member& self);
  [[nodiscard]] bool bind_thread(const member& self);
  void build_shard(member& self);
  void connect_shard(member& self);
  void start_services(member& self);
  [[nodiscard]] bool step_shard(member& self);
  void settle_returns(slab& memory);
  void end_shard(member& self);
  // On a host without threads (runtime_stepped.cpp).
  [[nodiscard]] static topology stepped_machine();
  void start_stepped();
  [[nodiscard]] bool step_member(member& self);
  void end_stepped();
  task<> stop_services(member& self);
  [[nodiscard]] static task<> stop_some(member& self, service_list some, instant deadline);
  void advance_stop(member& self);
  void report(member& self);
  void wake_all() noexcept;
  friend class runtime_link;
  [[nodiscard]] bool post_item(shard_id to, std::unique_ptr<foreign_item>& item) noexcept;
  [[nodiscard]] shard_options options_for(shard_id id);

  runtime_options options_;
  std::shared_ptr<host> machine_;
  logger log_;
  std::vector<entry> services_;
  service_list start_list_;  // those of start(), while it starts
  service_group group_ = service_group::apart;
  service_group newest_group_ = service_group::apart;
  std::vector<std::shared_ptr<departure>> departures_;
  std::vector<int> inherited_;  // taken by them, in this run
  std::vector<std::pair<int, std::function<void()>>> signal_actions_;
  std::unique_ptr<signal_wait> signals_;
  shard_plan plan_;
  std::vector<shard_report> reports_;

  std::unique_ptr<shard_load[]> loads_;  // by shard
  helper_pool helpers_;
  stall_watch watch_;

  std::mutex calls_mutex_;
  std::vector<std::function<void()>> calls_;
  std::atomic<bool> calls_waiting_{false};

  std::mutex mutex_;  // guards members_ against post() and stop() from other threads; shards never take it in a turn
  std::vector<std::unique_ptr<member>> members_;
  std::shared_ptr<runtime_link> link_ = std::make_shared<runtime_link>(*this);
  std::atomic<state> state_{state::idle};
  std::atomic<bool> stop_wanted_{false};
  std::atomic<bool> hurry_wanted_{false};
  std::atomic<std::size_t> arrived_{0};  // at the gates of start and end
  std::atomic<std::size_t> quiet_{0};
  std::atomic<std::size_t> settled_{0};                 // rounds of settle_returns(), summed over the shards
  std::array<std::atomic<std::uint64_t>, 2> returned_;  // what came home in all odd, all even rounds
  std::atomic<bool> failed_{false};
  std::atomic<bool> service_failed_{false};  // before failed_: all shards are there, and stop in good order
  start_failure failure_;                    // written by the first shard that failed
};

/// What is added while it lives is one group.
class runtime::grouping {
 public:
  explicit grouping(runtime& owner) : owner_(owner), before_(owner.group_) {
    owner_.newest_group_ = service_group{std::to_underlying(owner_.newest_group_) + 1};
    owner_.group_ = owner_.newest_group_;
  }
  grouping(const grouping&) = delete;
  grouping& operator=(const grouping&) = delete;
  ~grouping() { owner_.group_ = before_; }
  [[nodiscard]] service_group id() const noexcept { return owner_.group_; }

 private:
  runtime& owner_;
  const service_group before_;
};

template <class Function>
class runtime::posted_call final : public foreign_item {
 public:
  using value = std::invoke_result_t<Function>;
  explicit posted_call(Function function) : function_(std::move(function)) {}
  ~posted_call() override {
    if (!ran_) promise_.set_exception(std::make_exception_ptr(std::system_error(errc::stopped)));
  }
  [[nodiscard]] std::future<value> future() { return promise_.get_future(); }
  void run() override {
    ran_ = true;
    try {
      if constexpr (std::is_void_v<value>) {
        function_();
        promise_.set_value();
      } else {
        promise_.set_value(function_());
      }
    } catch (...) {
      promise_.set_exception(std::current_exception());
    }
  }

 private:
  Function function_;
  std::promise<value> promise_;
  bool ran_ = false;
};

template <std::invocable Function>
auto runtime::post(shard_id to, Function function) -> std::future<std::invoke_result_t<Function>> {
  auto call = std::make_unique<posted_call<Function>>(std::move(function));
  auto future = call->future();
  std::unique_ptr<foreign_item> item = std::move(call);
  // A refused item is destroyed, which sets the error.
  static_cast<void>(post_item(to, item));
  return future;
}

}  // namespace shoal
