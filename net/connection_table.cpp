// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/connection_table.hpp>

#include <shoal/net/connection_mover.hpp>
#include <shoal/net/filter.hpp>

#include <new>

namespace shoal {

connection_table::~connection_table() { SHOAL_CHECK(size_ == 0, "connections outlive their table"); }

void* connection_table::allocate() noexcept {
  const bool has_slot = slots_.size() < max_slots || first_free_ != no_slot;
  return has_slot ? shard_.memory().allocate_node(sizeof(connection)) : nullptr;
}

std::uint32_t connection_table::take_slot() {
  if (first_free_ == no_slot) {
    first_free_ = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  const std::uint32_t index = first_free_;
  slot& taken = slots_[index];
  first_free_ = taken.next_free;
  taken.generation = taken.generation + 1 == 0 ? 1 : taken.generation + 1;  // 0 names nothing
  ++size_;
  return index;
}

void connection_table::free_slot(std::uint32_t index) noexcept {
  slots_[index].held = nullptr;
  slots_[index].next_free = first_free_;
  first_free_ = index;
  --size_;
}

result<connection*> connection_table::create(int fd, profile_ptr profile, connection_observer* observer,
                                             const address& remote) {
  void* memory = allocate();
  if (memory == nullptr) {
    shard_.machine().close_socket(fd);
    return fail(errc::no_memory);
  }
  const std::uint32_t index = take_slot();
  auto* made = new (memory) connection(shard_, fd, std::move(profile), observer, remote);
  made->id_ = connection_id(shard_.id(), index, slots_[index].generation);
  made->slot_ = index;
  slots_[index].held = made;
  ++counters_.made;
  shard_.load().connection_opened();
  made->make_filter();
  return made;
}

connection_table::slot* connection_table::home_slot(connection_id id) noexcept {
  if (id.home != shard_.id() || id.slot >= slots_.size()) return nullptr;
  slot& entry = slots_[id.slot];
  return entry.generation == id.generation && (entry.held != nullptr || entry.away != nullptr) ? &entry : nullptr;
}

connection* connection_table::find(connection_id id) const noexcept {
  if (id.home == shard_.id()) {
    if (id.slot >= slots_.size()) return nullptr;
    const slot& entry = slots_[id.slot];
    return entry.generation == id.generation ? entry.held : nullptr;
  }
  const auto guest = guests_.find(id.key());
  return guest == guests_.end() ? nullptr : slots_[guest->second].held;
}

connection* connection_table::find_settled(connection_id id) const noexcept {
  connection* c = find(id);
  if (c == nullptr || c->moving_) return nullptr;
  // Half of a pair may be held here while the other half's home is still asked.
  const bool is_held = id.home == shard_.id() && slots_[id.slot].away != nullptr;
  return is_held ? nullptr : c;
}

void connection_table::stop() noexcept {
  stopped_ = true;
  for_each([](connection& c) { c.end_with_shard(); });
}

void connection_table::hurry() noexcept {
  for_each([](connection& c) { c.close(close_how::reset, make_error_code(errc::stopped)); });
}

void connection_table::destroy(connection& c) noexcept {
  const connection_id id = c.id_;
  const std::uint32_t index = c.slot_;
  SHOAL_ASSERT(slots_[index].held == &c);
  c.~connection();
  slab::free_node(&c, sizeof(connection));
  shard_.load().connection_closed();
  slots_[index].held = nullptr;
  if (id.home == shard_.id()) return forget(id);
  guests_.erase(id.key());
  free_slot(index);
  connection_mover::tell_home(connection_mover::news::gone, id);
}

}  // namespace shoal
