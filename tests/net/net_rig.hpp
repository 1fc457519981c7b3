// SPDX-License-Identifier: Apache-2.0
// A runtime with one server, peers that connect to it, and ways to look at a shard from the test. Nothing here sleeps:
// the test waits for events that hooks write down, for a condition it looks at on the shard, or for its own socket.
// Where all that runs, on this machine or in a simulated world, is the stage's business (stage.hpp).
//
// Thread rule: the test's thread, but for event_log (any) and gate (the shard that waits).
// Invariant: stop(), at the latest the destructor, checks that no descriptor, block or timer is left.
#pragma once

#include <shoal/core/runtime.hpp>
#include <shoal/core/scope.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/reader.hpp>
#include <shoal/net/server.hpp>
#include <shoal/net/writer.hpp>
#include <tests/net/peer.hpp>
#include <tests/net/stage.hpp>

#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <vector>

/// A test that runs twice: name_plain and name_filtered, with `on` saying which.
#define SHOAL_WIRE_TEST(name)                                                    \
  static void name(::shoal::test::wire on);                                      \
  BOOST_AUTO_TEST_CASE(name##_plain) { name(::shoal::test::wire::plain); }       \
  BOOST_AUTO_TEST_CASE(name##_filtered) { name(::shoal::test::wire::filtered); } \
  static void name(::shoal::test::wire on)

namespace shoal::test {

/// What happened, in order, from any thread.
class event_log {
 public:
  void add(std::string event);
  /// True once `event` was added `times` times; false when it does not come.
  [[nodiscard]] bool wait_for(const std::string& event, std::size_t times = 1);
  [[nodiscard]] std::size_t count(const std::string& event) const;
  /// All of them, with a space after each.
  [[nodiscard]] std::string all() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable added_;
  std::vector<std::string> events_;
};

/// Something a handler waits for that is no connection.
class gate {
 public:
  struct awaiter : resume_item {
    explicit awaiter(gate& g) noexcept : waited(g) {}
    [[nodiscard]] bool await_ready() const noexcept { return waited.open_; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      waiting = handle;
      waited.waiter_ = this;
    }
    void await_resume() const noexcept {}
    gate& waited;
  };
  [[nodiscard]] awaiter operator co_await() noexcept { return awaiter{*this}; }
  void open() {
    open_ = true;
    if (waiter_ != nullptr) shard::current().schedule(*std::exchange(waiter_, nullptr));
  }

 private:
  bool open_ = false;
  awaiter* waiter_ = nullptr;
};

/// The tasks that a test started on a shard.
struct background {
  explicit background(shard&) {}
  scope tasks{[](const std::exception_ptr&) noexcept {}};
};

/// The value, or std::runtime_error when it does not come.
template <class T>
T get(std::future<T> future) {
  const auto is_ready = [&](std::chrono::seconds within) {
    return future.wait_for(within) == std::future_status::ready;
  };
  if (!stage_advance([&] { return is_ready(std::chrono::seconds{0}); }) || !is_ready(patience)) {
    throw std::runtime_error("a future was not fulfilled in time");
  }
  return future.get();
}

[[nodiscard]] std::string word_of(std::error_code reason);

class net_rig {
 public:
  explicit net_rig(wire on, unsigned shards = 1, const std::function<void(server_options&)>& adjust = {},
                   duration drain_timeout = std::chrono::seconds{1});
  ~net_rig();

  [[nodiscard]] shoal::server& server() noexcept { return server_; }
  [[nodiscard]] shoal::runtime& runtime() noexcept { return runtime_; }
  [[nodiscard]] wire on() const noexcept { return on_; }
  void start();
  [[nodiscard]] const address& where() const { return server_.addresses().front(); }
  [[nodiscard]] peer connect(int receive_buffer = 0) const { return peer{where(), on_, receive_buffer}; }

  /// Runs on a shard and gives what it returned.
  template <class F>
  auto on_shard(F function, shard_id where = 0) {
    return get(runtime_.post(where, std::move(function)));
  }
  /// The same with the only connection of shard 0.
  template <class F>
  auto with_connection(F function) {
    return on_shard([function] { return function(only_connection()); });
  }
  /// Lets shard 0 turn until `condition` holds there; false when it does not come true.
  [[nodiscard]] bool until(const std::function<bool()>& condition);
  /// Lets shard 0 take some turns, in which nothing may happen that was not asked for.
  void turns(int count = 20);
  [[nodiscard]] std::size_t open_connections(shard_id where = 0);
  [[nodiscard]] static connection& only_connection();
  /// Whether this shard has met a socket that takes no more.
  [[nodiscard]] static bool kernel_is_full() { return shard::current().io().counters().sends_blocked != 0; }
  /// Less what lies ready for the kernel.
  [[nodiscard]] static std::size_t memory_here() {
    shard& here = shard::current();
    return here.memory().counters().bytes_in_use - here.io().memory_held();
  }
  [[nodiscard]] static std::size_t open_here() { return shard::current().local<connection_table>().size(); }

  /// Runs the task that `make` gives on a shard, to its end.
  template <class F>
  auto run_task(F make, shard_id where = 0) {
    return get(start_task(std::move(make), where));
  }
  template <class F>
  auto start_task(F make, shard_id where = 0) {
    using value = typename std::invoke_result_t<F>::value_type;
    auto promised = std::make_shared<std::promise<value>>();
    auto future = promised->get_future();
    get(runtime_.post(where, [make, promised] {
      shard::current().local<background>().tasks.spawn(carry<F, value>(make, promised));
    }));
    return future;
  }

  /// Lines of the log so far, joined.
  [[nodiscard]] std::string logged();
  void stop();
  void wait_for_stop();

 private:
  template <class F, class T>
  static task<> carry(F make, std::shared_ptr<std::promise<T>> promised) {
    try {
      auto work = make();
      if constexpr (std::is_void_v<T>) {
        co_await work;
        promised->set_value();
      } else {
        promised->set_value(co_await work);
      }
    } catch (...) {
      promised->set_exception(std::current_exception());
    }
  }
  [[nodiscard]] static runtime_options options_for(unsigned shards, log_collector& log, duration drain_timeout);
  [[nodiscard]] static server_options options_for(wire on, const std::function<void(server_options&)>& adjust);

  wire on_;
  log_collector log_;
  std::string lines_;
  shoal::runtime runtime_;
  shoal::server server_;
  bool running_ = false;
};

/// What connections of this wire have in common, for dialled ones too.
[[nodiscard]] connection_options options_on(wire on);

}  // namespace shoal::test
