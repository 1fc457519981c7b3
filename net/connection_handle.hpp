// SPDX-License-Identifier: Apache-2.0
// connection_handle: a connection's name for use anywhere: on other shards, on foreign threads, and after its end.
//
//   auto handle = c.handle();            // in a hook; keep it, copy it, give it to a thread
//   handle.post(std::string{"news\n"});  // leaves with everything else at the end of that shard's turn
//   handle.close();
//
// Thread rule: any thread, except call(), which is for the shards of the connection's runtime.
// Invariants:
//  1. Names one connection of one run of a runtime, never another: where it is gone, nothing happens.
//  2. What one thread or shard asks for arrives in that order.
//  3. All copies of a handle may have max_posted_bytes under way together; then post() is refused.
//  4. Nothing runs inside the caller, on the connection's own shard either: there it goes through the run queue.
// Errors of all: errc::stopped when that run is over, errc::stale_connection for a handle of nothing. An error says
// that nothing was done; no error says that it is under way: the connection may still end first.
// Each costs an allocation; for many bytes from shards there is write_queue.hpp.
#pragma once

#include <shoal/buffers/owned_bytes.hpp>
#include <shoal/core/frame_memory.hpp>
#include <shoal/core/runtime.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/net/connection.hpp>
#include <shoal/net/connection_post.hpp>
#include <shoal/net/connection_table.hpp>
#include <shoal/net/errand.hpp>

#include <atomic>
#include <concepts>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <tuple>

namespace shoal {

/// Bytes that a handle may have under way: a thread cannot wait for the peer, so it must be told.
inline constexpr std::size_t max_posted_bytes = std::size_t{1} << 20;

class connection_handle {
 public:
  /// Names nothing.
  connection_handle() noexcept = default;
  /// On the connection's shard.
  explicit connection_handle(const connection& c);

  [[nodiscard]] explicit operator bool() const noexcept { return target_ != nullptr; }
  [[nodiscard]] connection_id id() const noexcept { return target_ == nullptr ? connection_id{} : target_->id; }

  /// As connection::close(). Never refused for want of room: it waits for its place in the lane.
  std::error_code close(close_how how = close_how::drain, std::error_code reason = make_error_code(errc::closed)) const;

  /// Appends bytes behind what is written to the output, and flushes. (Into the middle of a message, when a handler
  /// waits in the middle of writing one.) errc::would_block, the bytes stay the caller's: too many under way, or the
  /// lane is full.
  template <owning_bytes T>
  std::error_code post(T&& bytes) const;

  /// Runs `function(connection&)` there. An exception that leaves it is a failed handler. errc::would_block: the lane
  /// is full.
  template <std::invocable<connection&> Function>
  std::error_code run(Function function) const;

  /// Runs a captureless function with arguments there and waits for what it returns, or errc::stale_connection. Where
  /// the connection lives, if that is its home, it runs inside the call. An exception travels back.
  /// Resume rule: on the caller's shard, in "drain mail" or inside the call. Waiters: one. Stop: not interrupted.
  template <sendable_function Function, class... Args>
    requires std::invocable<Function, connection&, Args...>
  [[nodiscard]] auto call(Function function, Args... args) const
      -> task<result<std::invoke_result_t<Function, connection&, Args...>>>;

 private:
  struct target {
    std::shared_ptr<runtime_link> run;
    connection_id id;
    std::atomic<std::size_t> posted_bytes{0};
  };
  using target_ptr = std::shared_ptr<target>;
  class share;
  struct close_errand;
  template <class Function>
  struct run_errand;
  template <class T>
  struct posted;
  template <class T>
  struct post_errand;
  template <class Function, class... Args>
  class called;
  template <class Called>
  struct call_awaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> caller) { return call.send_and_wait(to, caller); }
    void await_resume() const noexcept {}
    Called& call;
    connection_id to;
  };

  [[nodiscard]] std::error_code send(std::unique_ptr<errand>& work, errand::when_full full) const;

  target_ptr target_;
};

inline connection_handle connection::handle() const { return connection_handle{*this}; }

/// Bytes under way, counted until this is gone: the connection has taken them, or they are lost.
class connection_handle::share {
 public:
  share() noexcept = default;
  share(share&& other) noexcept = default;
  share& operator=(share&&) = delete;
  ~share() {
    if (of_ != nullptr) of_->posted_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
  }
  /// False when there are too many already. One post that is larger than all the room may have it alone.
  [[nodiscard]] bool take(const target_ptr& of, std::size_t bytes) noexcept;

 private:
  target_ptr of_;
  std::size_t bytes_ = 0;
};

template <class T>
struct connection_handle::posted final : connection_post {
  posted(T&& what, share&& counted) noexcept : bytes(std::move(what)), under_way(std::move(counted)) {}
  static void* operator new(std::size_t size) { return detail::allocate_frame(size); }
  static void operator delete(void* node, std::size_t size) noexcept { detail::free_frame(node, size); }
  result<void> put(link_buffer& output) override { return output.write_owned(std::move(bytes)); }
  void settle(std::error_code) noexcept override { const std::unique_ptr<posted> done{this}; }
  T bytes;
  share under_way;
};

template <class T>
struct connection_handle::post_errand final : errand {
  explicit post_errand(T&& what) noexcept : bytes(std::move(what)) {}
  void open(connection* c) override {
    if (c == nullptr) return;
    // It frees itself when it settles.
    c->take_post(*std::make_unique<posted<T>>(std::move(bytes), std::move(under_way)).release());
  }
  T bytes;
  share under_way;
};

template <owning_bytes T>
std::error_code connection_handle::post(T&& bytes) const {
  if (target_ == nullptr) return make_error_code(errc::stale_connection);
  const std::size_t size = std::size(bytes);
  auto made = std::make_unique<post_errand<T>>(std::forward<T>(bytes));
  post_errand<T>& post = *made;
  std::unique_ptr<errand> work = std::move(made);
  const auto error =
      post.under_way.take(target_, size) ? send(work, errand::when_full::refuse) : make_error_code(errc::would_block);
  if (error) bytes = std::move(post.bytes);
  return error;
}

template <class Function>
struct connection_handle::run_errand final : errand {
  explicit run_errand(Function&& what) : function(std::move(what)) {}
  void open(connection* c) override {
    if (c != nullptr) std::invoke(function, *c);
  }
  Function function;
};

template <std::invocable<connection&> Function>
std::error_code connection_handle::run(Function function) const {
  std::unique_ptr<errand> work = std::make_unique<run_errand<Function>>(std::move(function));
  return send(work, errand::when_full::refuse);
}

/// A call under way; lives in the frame of who waits for it.
template <class Function, class... Args>
class connection_handle::called final : public errand {
 public:
  using value = std::invoke_result_t<Function, connection&, Args...>;
  explicit called(Function what, Args... with) : function_(std::move(what)), args_(std::move(with)...) {}

  /// False when it came back inside the sending.
  [[nodiscard]] bool send_and_wait(connection_id to, std::coroutine_handle<> caller) {
    send_from_shard(to);
    if (is_back_) return false;
    caller_ = caller;
    return true;
  }
  [[nodiscard]] result<value> take() {
    if (failure_) std::rethrow_exception(failure_);
    return std::move(outcome_);
  }

 private:
  void open(connection* c) override {
    if (c == nullptr) return;
    try {
      if constexpr (std::is_void_v<value>) {
        apply(*c);
        outcome_ = {};
      } else {
        outcome_ = apply(*c);
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  value apply(connection& c) {
    return std::apply([&](auto&&... each) -> value { return std::invoke(function_, c, std::move(each)...); }, args_);
  }
  void returned() noexcept override {
    is_back_ = true;
    if (caller_) caller_.resume();
  }

  Function function_;
  std::tuple<Args...> args_;
  result<value> outcome_ = fail(errc::stale_connection);
  std::exception_ptr failure_;
  std::coroutine_handle<> caller_;
  bool is_back_ = false;
};

template <sendable_function Function, class... Args>
  requires std::invocable<Function, connection&, Args...>
auto connection_handle::call(Function function, Args... args) const
    -> task<result<std::invoke_result_t<Function, connection&, Args...>>> {
  if (target_ == nullptr) co_return fail(errc::stale_connection);
  SHOAL_CHECK(shard::current().owner().link() == target_->run, "call() is for shards of the connection's runtime");
  called<Function, Args...> under_way{std::move(function), std::move(args)...};
  call_awaiter<called<Function, Args...>> answer{under_way, target_->id};
  co_await answer;
  co_return under_way.take();
}

}  // namespace shoal
