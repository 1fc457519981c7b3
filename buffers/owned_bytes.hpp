// SPDX-License-Identifier: Apache-2.0
// Memory that the application hands over for good, so that a link buffer may point at it instead of copying it.
//
// Thread rule: the owner is destroyed on the buffer's shard, when the last byte of it was sent or dropped.
#pragma once

#include <shoal/buffers/slab.hpp>

#include <concepts>
#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace shoal {

/// Contiguous bytes that destroy themselves and move without throwing: std::string, std::vector<std::byte>, a class of
/// yours with data() and size() around a mapped file. Views (std::string_view, std::span) own nothing and don't fit.
template <class T>
concept owning_bytes = !std::is_lvalue_reference_v<T> && std::is_nothrow_move_constructible_v<T> && sizeof(T) <= 512 &&
                       !std::ranges::enable_borrowed_range<std::remove_cv_t<T>> && requires(T& bytes) {
                         requires sizeof(*std::data(bytes)) == 1;
                         { std::size(bytes) } -> std::convertible_to<std::size_t>;
                       };

namespace detail {

template <owning_bytes T>
struct kept_bytes final : external_owner {
  explicit kept_bytes(T&& owner) noexcept : external_owner{&kept_bytes::destroy}, value{std::move(owner)} {}
  static void destroy(external_owner* self) noexcept {
    auto* kept = static_cast<kept_bytes*>(self);
    kept->~kept_bytes();
    slab::free_node(kept, sizeof(kept_bytes));
  }
  T value;
};

/// A block over what `owner` owns, with one reference; nullptr, `owner` untouched, when the slab is exhausted.
template <owning_bytes T>
[[nodiscard]] block* keep(slab& home, T& owner) noexcept {
  void* node = home.allocate_node(sizeof(kept_bytes<T>));
  if (node == nullptr) return nullptr;
  auto* kept = ::new (node) kept_bytes<T>{std::move(owner)};
  auto* data = reinterpret_cast<const std::byte*>(std::data(kept->value));  // after the move: it may be inside
  block* b = home.take_external(const_cast<std::byte*>(data), kept);        // never written: its capacity is 0
  if (b == nullptr) {
    owner = std::move(kept->value);
    kept_bytes<T>::destroy(kept);
  }
  return b;
}

}  // namespace detail
}  // namespace shoal
