// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/leased_limit.hpp>

#include <shoal/core/lease_pool.hpp>

namespace shoal {
namespace {

using detail::lease;
using detail::lease_share;

// ---- at home ----

detail::lease_pool& pool_of(lease_share& share) {
  if (share.pool == nullptr) throw std::system_error(make_error_code(errc::stopped));
  return *share.pool;
}

task<> change_limit(lease_share* share, std::int64_t limit) {
  const std::uint32_t epoch = pool_of(*share).set_limit(limit);
  // From home, as the grants before it: none arrives afterwards.
  if (share->pool->is_in_debt()) co_await share->leases->invoke_on_all(&lease::surrender, epoch);
}

void change_rate(lease_share* share, std::int64_t per_second, std::int64_t burst) {
  pool_of(*share).set_rate(per_second, burst);
}

limit_usage usage_of(const lease& one) {
  return {.in_use = one.in_use(), .on_lease = one.unused(), .waiting = one.waiting()};
}

}  // namespace

void detail::leased::set(std::int64_t limit, std::int64_t burst, std::size_t max_waiting) noexcept {
  SHOAL_CHECK(share_.pool == nullptr, "a limit was started twice");
  SHOAL_CHECK(limit >= 0 && burst >= 0, "a limit is no negative number");
  share_.limit = limit;
  share_.burst = burst;
  share_.max_waiting = max_waiting;
}

task<> leased_limit::set_limit(std::size_t limit) {
  return submit_to(share_.home, &change_limit, &share_, static_cast<std::int64_t>(limit));
}

task<limit_usage> leased_limit::usage() { return share_.leases->map_reduce(&usage_of, std::plus<>()); }

task<> leased_rate::set_rate(std::size_t per_second, std::size_t burst) {
  return submit_to(share_.home, &change_rate, &share_, static_cast<std::int64_t>(per_second),
                   static_cast<std::int64_t>(burst));
}

}  // namespace shoal
