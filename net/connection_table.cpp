// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/connection_table.hpp>

#include <shoal/net/filter.hpp>

#include <new>

namespace shoal {

connection_table::~connection_table() { SHOAL_CHECK(size_ == 0, "connections outlive their table"); }

result<connection*> connection_table::create(int fd, profile_ptr profile, connection_observer* observer,
                                             const address& remote) {
  void* memory =
      slots_.size() < max_slots || first_free_ != no_slot ? shard_.memory().allocate_node(sizeof(connection)) : nullptr;
  if (memory == nullptr) {
    shard_.machine().close_socket(fd);
    return fail(errc::no_memory);
  }
  if (first_free_ == no_slot) {
    first_free_ = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  const std::uint32_t index = first_free_;
  slot& taken = slots_[index];
  first_free_ = taken.next_free;
  taken.generation = taken.generation + 1 == 0 ? 1 : taken.generation + 1;  // 0 names nothing
  taken.held = new (memory) connection(shard_, fd, std::move(profile), observer, remote);
  taken.held->id_ = connection_id(shard_.id(), index, taken.generation);
  ++size_;
  shard_.load().connection_opened();
  ++counters_.made;
  return taken.held;
}

connection* connection_table::find(connection_id id) const noexcept {
  if (id.home != shard_.id() || id.slot >= slots_.size()) return nullptr;
  const slot& entry = slots_[id.slot];
  return entry.generation == id.generation ? entry.held : nullptr;
}

void connection_table::stop() noexcept {
  for_each([](connection& c) { c.end_with_shard(); });
}

void connection_table::hurry() noexcept {
  for_each([](connection& c) { c.close(close_how::reset, make_error_code(errc::stopped)); });
}

void connection_table::destroy(connection& c) noexcept {
  slot& entry = slots_[c.id_.slot];
  SHOAL_ASSERT(entry.held == &c && entry.generation == c.id_.generation);
  const std::uint32_t index = c.id_.slot;
  c.~connection();
  slab::free_node(&c, sizeof(connection));
  entry.held = nullptr;
  entry.next_free = first_free_;
  first_free_ = index;
  --size_;
  shard_.load().connection_closed();
}

}  // namespace shoal
