// SPDX-License-Identifier: Apache-2.0
#include <tests/sim/order_stage.hpp>

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/core/sim/world.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/dialer.hpp>
#include <shoal/net/server.hpp>
#include <tests/sim/order_handlers.hpp>
#include <tests/sim/order_judge.hpp>
#include <tests/sim/order_peers.hpp>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <optional>
#include <utility>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 7000;
constexpr duration quiet_time = 1ms;     // on a perfect network everything has come to rest by then
constexpr duration rough_time = 5ms;     // on a rough one it may not have
constexpr duration drain_time = 3s;      // of a stop
constexpr duration one_way = 20us;       // of the perfect network
constexpr int reads_of_a_slow_peer = 6;  // each of what the network holds
constexpr int send_buffer_of_a_writer = 2048;

struct background {
  explicit background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept { std::terminate(); }};
};

/// Made first and so destroyed last: counts what the slab still holds then.
struct frame_watch {
  explicit frame_watch(shard& s) : here(s), before(s.memory().counters().nodes_in_use) {}
  ~frame_watch() {
    if (ended == nullptr) return;
    *ended = true;
    *left = here.memory().counters().nodes_in_use - before;
  }
  shard& here;
  std::uint64_t before;
  std::uint64_t* left = nullptr;
  bool* ended = nullptr;
};

/// Runs in the "run tasks" step of the shard's next turn, also when the runtime stops already and refuses what is
/// posted.
struct shard_call final : run_item {
  explicit shard_call(std::function<void()> f)
      : run_item([](run_item& item) { std::exchange(static_cast<shard_call&>(item).what, nullptr)(); }),
        what(std::move(f)) {}
  std::function<void()> what;
};

class order_stage {
 public:
  order_stage(const order_setting& setting, const order_batch& scripts)
      : setting_(setting), plan_(scripts.front()), world_(setting.seed, setting.network) {
    for (const order_script& script : scripts) {
      order_record& r = records_.emplace_back();
      r.script = script;
      r.waits_for_room = records_.size() % 2 == 0;
      r.how = setting.close;
    }
  }

  order_outcome_of_batch run() {
    if (!start()) {
      outcome_.problems.emplace_back("the stage did not come about");
    } else {
      setting_.pace == order_pace::settled ? play_settled() : play_together();
    }
    end();
    for (order_record& r : records_) sum_up(r);
    return std::move(outcome_);
  }

 private:
  [[nodiscard]] bool is_writer() const { return setting_.style == order_style::writer; }
  [[nodiscard]] tcp_options small_buffer() const {
    tcp_options options;
    if (is_writer()) options.send_buffer_bytes = send_buffer_of_a_writer;
    return options;
  }
  order_record& record_of(connection& c) {
    const std::uint16_t at = c.is_dialled() || setting_.dialled ? c.local()->port() : c.remote().port();
    return records_.at(static_cast<std::size_t>(at - first_order_port));
  }
  [[nodiscard]] connection_hooks hooks() {
    return order_hooks(setting_.style, [this](connection& c) -> order_record& { return record_of(c); });
  }

  runtime_options plan_of_runtime() {
    runtime_options options;
    options.shards.shards = 1;
    options.shards.memory_per_shard = std::size_t{64} << 20U;
    options.drain_timeout = drain_time;
    options.log.collector = &lines_;
    return options;
  }

  bool start() {
    if (!setting_.dialled) {
      server_options options;
      options.bind = to_string(own_);
      options.name = "order";
      options.backlog = 1 << 16;
      options.tcp = small_buffer();
      options.connections = order_options(setting_.style, setting_.filtered);
      server_.emplace(runtime_, options);
      auto h = hooks();
      server_->on_prepare(h.on_prepare).on_connect(h.on_connect).on_disconnect(h.on_disconnect);
      server_->on_request(h.on_request);
    }
    if (!runtime_.start()) return false;
    auto called = runtime_.post(0, [this] {
      auto& watch = shard::current().local<frame_watch>();
      shard_ = &watch.here;
      watch.left = &frames_left_;
      watch.ended = &ended_;
    });
    world_.run_for(quiet_time);
    if (shard_ == nullptr) return false;
    return setting_.dialled ? dial_peers() : accept_peers();
  }
  bool accept_peers() {
    if (!peers_.dial(own_)) return false;
    if (setting_.pace == order_pace::at_birth) return true;
    return world_.run_until([this] { return std::ranges::all_of(records_, &order_record::connected); }, 1s) && settle();
  }
  bool dial_peers() {
    peers_.listen(target_);
    on_shard([this] {
      auto profile = make_profile();
      profile->name = "order";
      profile->hooks = hooks();
      profile->options = order_options(setting_.style, setting_.filtered);
      for (std::size_t i = 0; i < records_.size(); ++i) {
        shard::current().local<background>().tasks.spawn(dial_one(i, profile));
      }
    });
    std::size_t accepted = 0;
    return world_.run_until(
               [&] {
                 accepted += peers_.accept();
                 return accepted == records_.size() && std::ranges::all_of(records_, &order_record::connected);
               },
               10s) &&
           settle();
  }
  bool settle() {
    world_.run_for(quiet_time);
    return true;
  }
  task<> dial_one(std::size_t i, profile_ptr profile) {
    dialer out{shard::current(), std::move(profile)};
    const dial_options options{.tcp = small_buffer(),
                               .source = *parse_address("10.0.0.1", static_cast<std::uint16_t>(first_order_port + i))};
    auto dialled = co_await out.dial(target_, options);
    // Nobody holds it from here on: it lives by its hooks, as an accepted one does.
    if (dialled) dialled->release();
  }

  void on_shard(std::function<void()> what) {
    if (ended_) return;
    while (!calls_.empty() && calls_.front().what == nullptr) calls_.pop_front();
    shard_->schedule(calls_.emplace_back(std::move(what)));
    shard_->io().wake();
  }

  // ---- events ----

  /// What the test itself, the handler's flags and the peer do of an event.
  void act_outside(order_record& r, order_event event) {
    if (event == order_event::suspend) {
      if (r.elsewhere != nullptr) return;
      r.suspends_next = true;
    }
    if (event == order_event::exception) r.throws_next = true;
    peers_.act(r, event, is_writer());
  }
  /// What happens on the shard.
  void act_inside(order_record& r, order_event event) const {
    if (event == order_event::suspend) return release(r);
    if (r.live == nullptr) return;
    if (setting_.from_handler) {
      if (event == order_event::close_write) r.finishes_next = true;
      if (event == order_event::close) r.closes_next = true;
      return;
    }
    if (event == order_event::close_write) {
      r.finished_writing = true;
      r.live->close_write();
    } else if (event == order_event::close) {
      r.live->close(r.how);
      if (r.token.stop_possible() && !r.token.stop_requested()) r.problem("close() did not request the stop token");
    }
  }
  static void release(order_record& r) {
    if (r.elsewhere != nullptr) shard::current().schedule(*std::exchange(r.elsewhere, nullptr));
  }
  void stop() {
    if (setting_.ends_server && server_) {
      if (!ended_) static_cast<void>(server_->shutdown(drain_time));
    } else {
      runtime_.stop();
    }
  }

  void play_settled() {
    bool stopped = false;
    for (std::size_t k = 0; k < plan_.size(); ++k) {
      if (plan_[k] == order_event::timeout) {
        world_.run_for(setting_.timeout);
      } else {
        if (plan_[k] == order_event::stop && !std::exchange(stopped, true)) stop();
        // A suspended one comes back by the same word that sends others away.
        std::vector<order_record*> suspended;
        for (order_record& r : records_) {
          if (r.script[k] == order_event::suspend && r.elsewhere != nullptr) suspended.push_back(&r);
          act_outside(r, r.script[k]);
        }
        on_shard([this, k, suspended = std::move(suspended)] {
          for (order_record& r : records_) {
            if (r.script[k] != order_event::suspend) act_inside(r, r.script[k]);
          }
          for (order_record* r : suspended) release(*r);
        });
        let_run();
      }
      read_all();
    }
  }

  /// All that stands between two time-outs reaches the shard in one turn.
  void play_together() {
    for (std::size_t k = 0; k < plan_.size(); ++k) {
      if (plan_[k] == order_event::timeout) {
        world_.run_for(setting_.timeout);
        read_all();
        continue;
      }
      const std::size_t begin = k;
      while (k < plan_.size() && plan_[k] != order_event::timeout) ++k;
      play_in_one_turn(begin, k--);
    }
  }
  void play_in_one_turn(std::size_t begin, std::size_t end) {
    for (order_record& r : records_) {
      for (std::size_t k = begin; k < end; ++k) act_outside(r, r.script[k]);
    }
    world_.after(one_way + 200ns, [this, begin, end] {
      const auto stops = std::find(plan_.begin() + static_cast<std::ptrdiff_t>(begin),
                                   plan_.begin() + static_cast<std::ptrdiff_t>(end), order_event::stop);
      const auto at = static_cast<std::size_t>(stops - plan_.begin());
      post_own(begin, at);
      if (at != end) stop();
      post_own(at, end);
    });
    let_run();
    read_all();
  }
  void post_own(std::size_t begin, std::size_t end) {
    if (begin == end) return;
    on_shard([this, begin, end] {
      for (order_record& r : records_) {
        for (std::size_t k = begin; k < end; ++k) act_inside(r, r.script[k]);
      }
    });
  }

  void let_run() {
    world_.run_for(setting_.network_is_perfect ? quiet_time : rough_time);
    for (int i = 0; is_writer() && i < reads_of_a_slow_peer; ++i) {
      for (order_record& r : records_) {
        if (r.reads) peers_.read(r);
      }
      world_.run_for(quiet_time / 5);
    }
    for (order_record& r : records_) r.reads = false;
  }
  void read_all() {
    if (is_writer()) return;
    for (order_record& r : records_) peers_.read(r);
  }

  // ---- the end ----

  /// Whoever waits elsewhere comes back, then the runtime stops.
  void end() {
    on_shard([this] {
      for (order_record& r : records_) {
        r.suspends_next = false;
        release(r);
      }
    });
    world_.run_for(quiet_time);
    runtime_.stop();
    if (!world_.run_until([this] { return ended_; }, 1min)) give_up();
    runtime_.wait();
    world_.run_for(quiet_time);
    for (order_record& r : records_) peers_.read(r);
    for (const auto& report : runtime_.reports()) {
      if (report.fds != 0) problem("descriptors are left in the poller");
      if (report.blocks != 0) problem(std::to_string(report.blocks) + " blocks are left");
      if (report.timers != 0) problem("timers are left");
    }
    if (frames_left_ != 0) problem(std::to_string(frames_left_) + " nodes are left");
    if (own_host_->open_descriptors() != 0) problem("descriptors are left open");
    check_log();
  }
  /// Each exception is told once.
  void check_log() {
    const auto tells = [](const std::string& line) { return line.find("a handler threw") != std::string::npos; };
    const auto told = std::ranges::count_if(lines_.take(), tells);
    int threw = 0;
    for (const order_record& r : records_) threw += r.throws;
    if (told != threw) problem(std::to_string(threw) + " exceptions, of which the log tells " + std::to_string(told));
  }
  /// A runtime that does not end can't be taken apart either.
  [[noreturn]] void give_up() {
    std::cerr << to_string(setting_) << ": the runtime never ends\n";
    for (order_record& r : records_) {
      if (r.live != nullptr || r.in_handler) std::cerr << "  never ends: " << name_of(r) << '\n';
    }
    std::abort();
  }

  void problem(const std::string& what) {
    std::string where = to_string(setting_) + ", a batch of " + std::to_string(records_.size());
    outcome_.problems.push_back(where + " beginning with " + to_string(plan_) + ": " + what);
  }
  std::string name_of(const order_record& r) const {
    return to_string(setting_) + ": SHOAL_ORDER_SCRIPT=" + to_string(r.script);
  }
  void sum_up(order_record& r) {
    judge(r, setting_);
    ++outcome_.connections;
    outcome_.requests += static_cast<std::size_t>(r.requests);
    outcome_.waits += r.ends_of_waits;
    outcome_.throws += static_cast<std::size_t>(r.throws);
    for (const auto& what : r.problems) outcome_.problems.push_back(name_of(r) + ": " + what);
  }

  const order_setting setting_;
  const order_script plan_;  // what all have in common: when time passes, when the stop comes
  std::deque<order_record> records_;
  order_outcome_of_batch outcome_;
  bool ended_ = false;
  shard* shard_ = nullptr;  // until ended_
  std::deque<shard_call> calls_;
  std::uint64_t frames_left_ = 0;
  log_collector lines_;
  sim::world world_;
  std::shared_ptr<sim::sim_host> own_host_ = world_.add_host("10.0.0.1");
  const address own_ = *parse_address("10.0.0.1", port);
  const address target_ = *parse_address("10.0.0.2", port);
  order_peers peers_{world_, records_};
  runtime runtime_{plan_of_runtime(), own_host_};
  std::optional<server> server_;
};

}  // namespace

std::string to_string(const order_setting& setting) {
  constexpr std::array paces{"settled", "together", "at birth"};
  std::string text{order_style_names[static_cast<std::size_t>(setting.style)]};
  text += setting.dialled ? " dialled " : " accepted ";
  text += paces[static_cast<std::size_t>(setting.pace)];
  if (setting.ends_server) text += ", the server stops";
  if (setting.filtered) text += ", filtered";
  if (setting.from_handler) text += ", closed by the handler";
  if (setting.close == close_how::reset) text += ", closed by a reset";
  if (!setting.network_is_perfect) text += ", rough network";
  return text + ", seed " + std::to_string(setting.seed);
}

order_outcome_of_batch play(const order_setting& setting, const order_batch& scripts) {
  order_stage stage{setting, scripts};
  return stage.run();
}

}  // namespace shoal::test
