// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/resolve.hpp>

#include <shoal/net/caching_resolver.hpp>
#include <shoal/net/dial_options.hpp>
#include <shoal/net/on_stop.hpp>

#include <utility>

namespace shoal {
namespace {

class resolve_wait final : public resume_item, private name_lookup {
 public:
  resolve_wait(shard& here, resolver& names, std::string_view name, const resolve_options& options) noexcept
      : name_lookup(name), here_(here), names_(names), options_(options) {}
  ~resolve_wait() { cancel(); }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    waiting = handle;
    ask(names_, options_.families);
    asked_ = true;
    if (is_complete()) return finish();
    here_.timers().arm(timer_, deadline_after(here_.now(), options_.timeout));
  }
  [[nodiscard]] result<resolved_name> await_resume() const {
    resolved_name found{.addresses = addresses(record_kind::ipv6, options_.port), .ttl = ttl()};
    for (auto& a : addresses(record_kind::ipv4, options_.port)) found.addresses.push_back(std::move(a));
    if (cancelled_) return fail(errc::cancelled);
    if (found.addresses.empty()) return fail(late_ ? more_telling_name_error(error(), errc::resolve_timeout) : error());
    return found;
  }
  void stop() noexcept {
    cancelled_ = true;
    if (asked_) finish();
  }

 private:
  struct late_timer final : timer {
    explicit late_timer(resolve_wait& by) noexcept
        : timer([](timer& t) noexcept {
            auto& self = static_cast<late_timer&>(t).owner;
            self.late_ = true;
            self.finish();
          }),
          owner(by) {}
    resolve_wait& owner;
  };

  void on_answer() noexcept override {
    if (asked_ && is_complete()) finish();
  }
  void finish() noexcept {
    if (std::exchange(over_, true)) return;
    cancel();
    here_.timers().cancel(timer_);
    here_.schedule(*this);
  }

  shard& here_;
  resolver& names_;
  const resolve_options& options_;
  bool asked_ = false;
  bool over_ = false;
  bool late_ = false;
  bool cancelled_ = false;
  late_timer timer_{*this};
};

}  // namespace

task<result<resolved_name>> resolve(std::string_view name, const resolve_options& options) {
  shard& here = shard::current();
  if (options.stop.stop_requested()) co_return fail(errc::cancelled);
  resolver& names = options.names != nullptr ? *options.names : here.local<caching_resolver>();
  resolve_wait wait{here, names, name, options};
  const on_stop stopped{options.stop, [&wait] { wait.stop(); }};
  co_return co_await wait;
}

}  // namespace shoal
