// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/upstream_limit.hpp>

#include <shoal/core/with_timeout.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace shoal {
namespace {

leased_limit::take_awaiter take_of(leased_limit* limit, std::stop_token stop) { return limit->take(std::move(stop)); }

std::error_code no_room(std::error_code why) {
  return why == errc::timed_out ? make_error_code(errc::would_block) : why;
}

}  // namespace

upstream_limit::upstream_limit(runtime& owner, const upstream_limit_options& options)
    : options_(options),
      connections_(owner, options.max_connections, std::max(options.max_pending, default_max_waiting)) {
  if (options.max_connections == 0) throw std::invalid_argument{"upstream_limit: max_connections must not be 0"};
  if (options.max_pending != 0) pending_.emplace(owner, options.max_pending);
}

task<result<upstream_limit::place>> upstream_limit::wait(std::stop_token stop) {
  if (!pending_) {
    auto settling = with_timeout(settling_time, std::move(stop), &take_of, &connections_);
    auto given = co_await settling;
    if (!given) co_return fail(no_room(given.error()));
    co_return std::move(*given);
  }
  auto counted = pending_->try_take();
  if (!counted) {
    auto settling = with_timeout(settling_time, stop, &take_of, &*pending_);
    auto got = co_await settling;
    if (!got) co_return fail(no_room(got.error()));
    counted = std::move(*got);
  }
  auto waiting = with_timeout(options_.queue_timeout, std::move(stop), &take_of, &connections_);
  auto given = co_await waiting;
  if (!given) co_return fail(given.error());
  co_return std::move(*given);
}

}  // namespace shoal
