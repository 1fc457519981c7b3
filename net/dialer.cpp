// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/dialer.hpp>

#include <shoal/net/caching_resolver.hpp>
#include <shoal/net/dial_attempt.hpp>
#include <shoal/net/dial_pause.hpp>
#include <shoal/net/name_dial.hpp>
#include <shoal/net/on_stop.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace shoal {
namespace {

// A unix socket whose queue is full says so at once, and nothing tells when there is room: it is tried again, soon at
// first, for a queue of a busy server empties within a turn, and not so often later.
constexpr duration first_pause = std::chrono::milliseconds{1};
constexpr duration longest_pause = std::chrono::milliseconds{50};

/// One attempt that a coroutine waits for.
class dial_wait final : public resume_item, public dial_attempt {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
  [[nodiscard]] std::error_code await_resume() const noexcept { return outcome_; }

 private:
  void finished(std::error_code outcome) override {
    outcome_ = outcome;
    shard::current().run_or_schedule(*this);
  }
  std::error_code outcome_;
};

bool queue_is_full(const address& target, std::error_code error) {
  return target.is_unix() && error == std::errc::resource_unavailable_try_again;
}

void note(const dial_options& options, const address& where, std::error_code error) {
  if (options.failures != nullptr) options.failures->push_back({where, error});
}

struct named_target {
  std::string_view host;
  std::uint16_t port = 0;
};

std::optional<named_target> split(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  named_target found{.host = text.substr(0, colon)};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), found.port);
  const bool is_port = error == std::errc{} && end == digits.data() + digits.size() && found.port != 0;
  if (!is_port || found.host.find_first_of(":[]/") != std::string_view::npos) return std::nullopt;
  return found;
}

}  // namespace

task<result<connection_owner>> dialer::dial(const address& target, const dial_options& options) {
  const instant deadline = deadline_after(shard_.now(), options.timeout);
  for (duration pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
    std::error_code error = errc::cancelled;
    if (!options.stop.stop_requested()) {
      dial_wait attempt;
      error = attempt.start(shard_, profile_, observer_, target, options, deadline);
      if (!error) {
        const on_stop stopped{options.stop, [&attempt] { attempt.cancel(errc::cancelled); }};
        error = co_await attempt;
      }
      if (!error) co_return attempt.take();
    }
    if (queue_is_full(target, error) && shard_.now() < deadline) {
      dial_pause wait{shard_, std::min(deadline, shard_.now() + pause)};
      const on_stop stopped{options.stop, [&wait] { wait.end(errc::cancelled); }};
      error = co_await wait;
      if (!error && shard_.now() < deadline) continue;
      if (!error) error = errc::connect_timeout;
    }
    note(options, target, error);
    co_return fail(error);
  }
}

task<result<connection_owner>> dialer::dial(std::string_view target, const dial_options& options) {
  const auto number = parse_address(target);
  if (number) co_return co_await dial(*number, options);
  const auto named = split(target);
  if (!named || target.starts_with("unix:")) co_return fail(errc::invalid_argument);
  resolver& names = names_ != nullptr ? *names_ : shard_.local<caching_resolver>();
  name_dial race{shard_, profile_, observer_, names, named->host, named->port, options};
  const on_stop stopped{options.stop, [&race] { race.end(errc::cancelled); }};
  co_return co_await race;
}

}  // namespace shoal
