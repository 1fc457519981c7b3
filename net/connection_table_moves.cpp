// SPDX-License-Identifier: Apache-2.0
// What a table does when connections move: its home slots know where they are, its guest slots hold those of others.
#include <shoal/net/connection_table.hpp>
#include <shoal/net/filter.hpp>

#include <new>
#include <utility>

namespace shoal {

void connection_table::bring(connection_id to, visit& v) {
  v.set_out(to);
  slot* entry = home_slot(to);
  if (entry == nullptr) return v.arrive(nullptr);
  if (entry->away == nullptr) return v.arrive(entry->held);
  entry->away->on_its_way ? entry->away->waiting.push_back(v) : v.carry_to(entry->away->lives_on);
}

bool connection_table::hold(connection_id id, shard_id from) {
  slot* entry = home_slot(id);
  if (entry == nullptr) return false;
  if (entry->away == nullptr) entry->away = std::make_unique<absence>(shard_.id());
  SHOAL_CHECK(entry->away->lives_on == from, "a connection is moved by a shard that does not have it");
  entry->away->on_its_way = true;
  return true;
}

void connection_table::release(connection_id id, shard_id lives_on) {
  slot* entry = home_slot(id);
  SHOAL_CHECK(entry != nullptr && entry->away != nullptr, "a connection arrived that its home does not know");
  visit_queue waiting;
  waiting.swap(entry->away->waiting);
  if (lives_on == shard_.id()) {
    entry->away.reset();
  } else {
    entry->away->lives_on = lives_on;
    entry->away->on_its_way = false;
  }
  while (!waiting.empty()) {
    visit& first = waiting.front();
    waiting.pop_front();
    bring(id, first);
  }
}

/// Wherever it was, it is gone.
void connection_table::forget(connection_id id) noexcept {
  visit_queue waiting;
  slot& entry = slots_[id.slot];
  SHOAL_ASSERT(entry.generation == id.generation);
  if (entry.away != nullptr) waiting.swap(entry.away->waiting);
  entry.away.reset();
  free_slot(id.slot);
  while (!waiting.empty()) {
    visit& first = waiting.front();
    waiting.pop_front();
    first.arrive(nullptr);
  }
}

connection* connection_table::admit(connection_id id, int fd, profile_ptr profile, connection_observer* observer,
                                    const address& remote) {
  void* memory = allocate();
  if (memory == nullptr) return nullptr;
  const bool comes_home = id.home == shard_.id();
  const std::uint32_t index = comes_home ? id.slot : take_slot();
  if (!comes_home) guests_.emplace(id.key(), index);
  auto* made = new (memory) connection(shard_, fd, std::move(profile), observer, remote);
  made->id_ = id;
  made->slot_ = index;
  SHOAL_ASSERT(slots_[index].held == nullptr);
  slots_[index].held = made;
  ++counters_.moved_in;
  shard_.load().connection_opened();
  return made;
}

void connection_table::let_go(connection& c) noexcept {
  c.retired_ = false;  // a husk takes no further step
  shard_.load().connection_closed();
  slots_[c.slot_].held = nullptr;
  if (c.id_.home != shard_.id()) guests_.erase(c.id_.key());
}

void connection_table::readmit(connection& c) {
  slots_[c.slot_].held = &c;
  if (c.id_.home != shard_.id()) guests_.emplace(c.id_.key(), c.slot_);
  shard_.load().connection_opened();
  ++counters_.moves_refused;
}

void connection_table::discard(connection& c) noexcept {
  c.phase_ = connection::phase::finished;
  c.set_fd(-1);
  let_go(c);
  --counters_.moved_in;
  destroy_husk(c);
}

void connection_table::destroy_husk(connection& c) noexcept {
  // The slot at home stays: it says where the connection is.
  if (c.id_.home != shard_.id()) free_slot(c.slot_);
  c.~connection();
  slab::free_node(&c, sizeof(connection));
}

}  // namespace shoal
