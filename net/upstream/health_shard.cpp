// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/health_shard.hpp>

#include <shoal/buffers/check.hpp>
#include <shoal/core/log_format.hpp>
#include <shoal/core/shard.hpp>
#include <shoal/core/submit.hpp>
#include <shoal/net/upstream/endpoint_fault.hpp>

#include <algorithm>
#include <utility>

namespace shoal::detail {
namespace {

/// Spread over the shards, and the same again after a restart.
shard_id home_of(const health_share& share) {
  const auto shards = shard::current().mail().shards();
  return static_cast<shard_id>(pick_hash(share.name) % shards);
}

/// Whatever ended: it must not do so in silence.
void report_exception(const std::exception_ptr& thrown) noexcept {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    log_error(shard::current().log(), "health of an upstream: {}", error.what());
  } catch (...) {
    log_error(shard::current().log(), "health of an upstream: an exception");
  }
}

}  // namespace

health_shard::health_shard(health_share* share)
    : share_(*share), home_(home_of(*share)), states_(share->endpoints.size(), true), work_(&report_exception) {
  if (shard::current().id() == home_) deciding_ = std::make_unique<health_home>(share_, *this);
}

health_shard::~health_shard() = default;

void health_shard::attach(upstream& up) {
  SHOAL_CHECK(up.endpoints().size() == states_.size(), "an upstream with another list of endpoints than its health");
  upstreams_.push_back(&up);
  apply_to(up);
}

void health_shard::detach(upstream& up) noexcept { std::erase(upstreams_, &up); }

void health_shard::apply_to(upstream& up) const {
  const instant now = shard::current().now();
  for (std::size_t i = 0; i < states_.size(); ++i) up.set_up(i, states_[i], now);
}

void health_shard::adopt(const std::vector<bool>* states) {
  states_ = *states;
  for (upstream* up : upstreams_) apply_to(*up);
}

void health_shard::report(std::size_t endpoint, service_stage stage, std::error_code outcome) {
  SHOAL_ASSERT(endpoint < states_.size());
  if (!share_.counts || !share_.outlier) return;
  failure_counts& row = share_.counts->at(stage);
  if (!outcome) return row.succeeded(endpoint);
  if (!is_endpoints_fault(outcome)) return;
  if (row.failed(endpoint) != share_.outlier->consecutive_failures) return;
  const auto is_same = [&](const failure& f) { return f.endpoint == endpoint && f.stage == stage; };
  if (std::ranges::none_of(failures_, is_same)) failures_.push_back({endpoint, stage, outcome});
  if (!std::exchange(telling_, true)) work_.spawn(tell_home());
}

task<> health_shard::tell_home() {
  try {
    while (!failures_.empty()) {
      const failure next = failures_.back();
      failures_.pop_back();
      auto told = share_.shards->invoke_on(home_, &health_shard::judge_at_home, next.endpoint, next.stage, next.last);
      co_await told;
    }
  } catch (const std::system_error&) {
    failures_.clear();  // home has stopped: nothing is decided any more
  }
  telling_ = false;
}

void health_shard::judge_at_home(std::size_t endpoint, service_stage stage, std::error_code last) {
  deciding_->judge(endpoint, stage, last);
}

task<> health_shard::stop() {
  work_.request_stop();
  auto all = work_.join();
  co_await all;
  deciding_.reset();
}

}  // namespace shoal::detail
