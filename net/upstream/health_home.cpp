// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/check.hpp>
#include <shoal/core/log_format.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/sleep.hpp>
#include <shoal/net/upstream/endpoint_fault.hpp>
#include <shoal/net/upstream/health_probe.hpp>
#include <shoal/net/upstream/health_shard.hpp>

#include <algorithm>
#include <utility>

namespace shoal::detail {
namespace {

/// The first checks are spread over this, or over an interval if that is shorter: soon, and not all at once.
constexpr duration first_checks_within = std::chrono::seconds{1};

duration below(duration most) {
  const auto bound = static_cast<std::uint64_t>(std::max<duration::rep>(most.count(), 1));
  return duration{static_cast<duration::rep>(shard::current().random().below(bound))};
}

template <class T>
const T* pointer_to(const std::optional<T>& value) {
  return value ? &*value : nullptr;
}

}  // namespace

health_home::health_home(health_share& share, health_shard& here)
    : share_(share),
      here_(here),
      check_(share.check.value_or(health_check_options{})),
      outlier_(share.outlier.value_or(outlier_options{})),
      ledger_(share.endpoints.size(), pointer_to(share.check), pointer_to(share.outlier)),
      release_(*this) {
  if (share_.counts) {
    for (std::size_t i = 0; i < share_.endpoints.size(); ++i) {
      share_.counts->connecting.forget(i);
      share_.counts->serving.forget(i);
    }
  }
  if (!share_.check) return;
  const std::stop_token stop = here_.work_.stop_token();
  for (std::size_t i = 0; i < share_.endpoints.size(); ++i) here_.work_.spawn(check_forever(i, stop));
}

task<> health_home::check_forever(std::size_t endpoint, std::stop_token stop) {
  shard& here = shard::current();
  instant next = here.now() + below(std::min(check_.interval, first_checks_within));
  while (true) {
    stoppable_sleep until_next{next, stop};
    const auto slept = co_await until_next;
    if (!slept) co_return;
    next = here.now() + jittered(check_.interval);
    auto probing = probe_endpoint(here, share_.endpoints[endpoint].where, check_, stop);
    const probe_result found = co_await probing;
    if (stop.stop_requested()) co_return;
    if (found.says_nothing) continue;
    if (const auto change = ledger_.checked(endpoint, found.good, found.why)) announce(*change);
  }
}

/// Give or take a tenth, or checks that began together would meet at their endpoint for ever.
duration health_home::jittered(duration interval) const { return interval - interval / 10 + below(interval / 5); }

void health_home::judge(std::size_t endpoint, service_stage stage, std::error_code last) {
  if (!share_.counts) return;
  failure_counts& row = share_.counts->at(stage);
  // A client may have been served meanwhile: then it is no row any more.
  if (row.row_of(endpoint) < outlier_.consecutive_failures) return;
  row.forget(endpoint);
  shard& here = shard::current();
  const std::string words = stage == service_stage::connecting ? connect_words(last) : "cut off before its first byte";
  const auto change = ledger_.failed(endpoint, words, here.now());
  if (!change) return;
  here.timers().arm(release_, ledger_.next_release());
  announce(*change);
}

void health_home::release() noexcept {
  shard& here = shard::current();
  std::optional<health_change> change;
  while (ledger_.release_one(here.now(), change)) {
    if (change) announce(*change);
  }
  here.timers().arm(release_, ledger_.next_release());
}

void health_home::announce(const health_change& change) {
  const std::string& endpoint = here_.share_.endpoints[change.endpoint].name;
  const log_level level = change.up ? log_level::info : log_level::warning;
  log_at(shard::current().log(), level, "upstream {} {} {}", share_.name, endpoint, change);
  has_news_ = true;
  if (!std::exchange(telling_, true)) here_.work_.spawn(tell_everybody());
}

task<> health_home::tell_everybody() {
  try {
    while (std::exchange(has_news_, false)) {
      const std::vector<bool> states = ledger_.states();
      auto told = share_.shards->invoke_on_all(&health_shard::adopt, &states);
      co_await told;
    }
  } catch (const std::system_error&) {
    has_news_ = false;  // the others are stopping, and those that are not have been told
  }
  telling_ = false;
}

}  // namespace shoal::detail
