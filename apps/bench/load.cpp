// SPDX-License-Identifier: Apache-2.0
#include "bench/load.hpp"

#include "bench/client_core.hpp"
#include <shoal/core/shard.hpp>

#include <algorithm>

namespace bench {

load::load(shoal::runtime& owner, const options& wanted) : owner_(owner), wanted_(wanted) { owner_.add(*this); }

load::~load() { owner_.remove(*this); }

const tally& load::of(std::size_t core) const { return clients_[core]->result(); }

void load::core_is_done() noexcept {
  if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) owner_.stop();
}

std::expected<void, shoal::start_failure> load::prepare(shoal::runtime& owner) {
  begin_ = now() + wanted_.warmup;
  if (wanted_.requests == 0) end_ = begin_ + wanted_.length;
  // A core without connections would have a share of the rate and nobody to send it.
  const std::size_t cores = std::min<std::size_t>(owner.shards(), wanted_.connections);
  for (std::size_t i = 0; i < cores; ++i) clients_.push_back(std::make_unique<client_core>(*this, i, cores));
  running_.store(cores, std::memory_order_relaxed);
  return {};
}

void load::start(shoal::shard& here) {
  if (here.id() < clients_.size()) clients_[here.id()]->start(here);
}

shoal::task<> load::stop(shoal::shard& here, shoal::instant) {
  if (here.id() >= clients_.size()) co_return;
  clients_[here.id()]->clients().request_stop();
  co_await clients_[here.id()]->clients().join();
}

}  // namespace bench
