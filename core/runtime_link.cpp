// SPDX-License-Identifier: Apache-2.0
#include <shoal/core/runtime_link.hpp>

#include <shoal/core/runtime.hpp>

namespace shoal {

bool runtime_link::post(shard_id to, std::unique_ptr<foreign_item>& item) noexcept {
  const std::scoped_lock lock(mutex_);
  return owner_ != nullptr && owner_->post_item(to, item);
}

void runtime_link::cut() noexcept {
  const std::scoped_lock lock(mutex_);
  owner_ = nullptr;
}

}  // namespace shoal
