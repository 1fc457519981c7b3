// SPDX-License-Identifier: Apache-2.0
#include <shoal/buffers/foreign_slice.hpp>

#include <new>

namespace shoal {

using detail::departed_slice;
using detail::segment;

result<foreign_slice> foreign_slice::depart(link_buffer&& from) {
  foreign_slice out;
  if (from.is_closed()) return fail(errc::closed);
  if (from.empty()) return out;
  slab& home = from.home();
  void* node = home.allocate_node(sizeof(departed_slice), draw::reserve);
  if (node == nullptr) return fail(errc::no_memory);
  auto bytes = from.take(from.len());
  if (!bytes) {
    slab::free_node(node, sizeof(departed_slice));
    return fail(bytes.error());
  }
  auto* departed = ::new (node) departed_slice{{nullptr, 0}, &home, bytes->read_, bytes->tail_, bytes->len(), 0};
  for (const segment* s = departed->first; s != nullptr; s = s->next) ++departed->pieces;
  bytes->forget_chain();
  home.slice_departs();
  out.departed_ = departed;
  return out;
}

link_buffer foreign_slice::come_home(slab& home) && {
  if (departed_ == nullptr) return link_buffer{home};
  SHOAL_CHECK(departed_->home == &home, "a slice came home to another shard");
  departed_slice* departed = std::exchange(departed_, nullptr);
  link_buffer out{home};
  out.read_ = departed->first;
  out.tail_ = departed->last;
  out.commit_at_ = out.write_at_ = departed->bytes;
  home.slice_returns();
  slab::free_node(departed, sizeof(departed_slice));
  return out;
}

namespace {

/// Keeps a slice abroad alive while segments of another shard's buffer point into it.
struct kept_slice final : detail::external_owner {
  explicit kept_slice(foreign_slice&& from) noexcept : external_owner{&kept_slice::drop_one}, slice{std::move(from)} {}
  static void drop_one(external_owner* self) noexcept {
    auto* kept = static_cast<kept_slice*>(self);
    if (--kept->users > 0) return;
    kept->~kept_slice();
    slab::free_node(kept, sizeof(kept_slice));
  }
  foreign_slice slice;
  std::size_t users = 1;  ///< blocks that point here, and the loop that makes them
};

}  // namespace

result<void> link_buffer::append(foreign_slice&& source) {
  if (closed_) return fail(errc::closed);
  if (source.empty()) return {};
  if (source.departed_->home == slab_) return append(std::move(source).come_home(*slab_));
  void* node = slab_->allocate_node(sizeof(kept_slice), draw::reserve);
  if (node == nullptr) return fail(errc::no_memory);
  auto* kept = ::new (node) kept_slice{std::move(source)};
  link_buffer chain{*slab_};
  for (const bytes piece : kept->slice.pieces()) {
    block* b = slab_->take_external(const_cast<std::byte*>(piece.data()), kept);
    if (b == nullptr) {
      chain.drop_all();
      source = std::move(kept->slice);
      kept_slice::drop_one(kept);
      return fail(errc::no_memory);
    }
    ++kept->users;
    chain.link(slab::first_segment(b, b->data, b->data + piece.size()));
    chain.write_at_ += piece.size();
  }
  kept_slice::drop_one(kept);
  return append(std::move(chain));
}

}  // namespace shoal
