// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/upstream/upstream_health.hpp>

#include <stdexcept>
#include <utility>

namespace shoal {
namespace {

void require(bool holds, const upstream_health_options& options, const std::string& limit) {
  if (!holds) throw std::invalid_argument{"health of upstream " + options.name + ": " + limit};
}

detail::health_share share_of(upstream_health_options options) {
  require(options.endpoints.size() <= upstream_options::max_endpoints, options,
          "at most " + std::to_string(upstream_options::max_endpoints) + " endpoints");
  if (const auto& check = options.check) {
    require(check->interval > duration::zero() && check->timeout > duration::zero(), options, "a time above 0");
    require(check->rise > 0 && check->fall > 0, options, "rise and fall from 1");
    require(check->path.starts_with('/'), options, "a path that starts with /");
  }
  if (const auto& outlier = options.outlier) {
    require(outlier->consecutive_failures > 0, options, "consecutive_failures from 1");
    require(outlier->base_ejection_time > duration::zero(), options, "a base_ejection_time above 0");
    require(outlier->max_ejection_percent <= 100, options, "max_ejection_percent up to 100");
  }
  for (auto& e : options.endpoints) {
    if (e.name.empty()) e.name = to_string(e.where);
  }
  detail::health_share made;
  made.name = std::move(options.name);
  if (options.outlier) made.counts.emplace(options.endpoints.size());
  made.endpoints = std::move(options.endpoints);
  made.check = std::move(options.check);
  made.outlier = options.outlier;
  return made;
}

}  // namespace

upstream_health::upstream_health(runtime& owner, upstream_health_options options)
    : share_(share_of(std::move(options))), shards_(owner, &share_) {
  share_.shards = &shards_;
}

}  // namespace shoal
