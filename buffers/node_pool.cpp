// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/node_pool.hpp>

namespace shoal::detail {

void node_pool::add_page(block* page, unsigned node_class) noexcept {
  page->state = block_state::nodes;
  page->nodes.node_class = static_cast<std::uint8_t>(node_class);
  page->nodes.free = full_masks[node_class];
  partial_[node_class].push_front(*page);
}

block* node_pool::leave_if_spare(block* page, block_list& partial) noexcept {
  // One empty page per class stays, so that a single node going to and fro does not move pages to and fro. Pages that
  // get a free node line up before it, so it is always the last.
  if (&partial.front() == page && ++partial.begin() == partial.end()) return nullptr;
  partial.erase(partial.iterator_to(*page));
  return page;
}

block* node_pool::take_spare(unsigned node_class) noexcept {
  block_list& partial = partial_[node_class];
  if (partial.empty() || partial.back().nodes.free != full_masks[node_class]) return nullptr;
  block* page = &partial.back();
  partial.pop_back();
  return page;
}

}  // namespace shoal::detail
