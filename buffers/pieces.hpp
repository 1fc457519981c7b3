// SPDX-License-Identifier: Apache-2.0
// The contiguous pieces of a link buffer or a slice, for a range-based for.
//
// Thread rule: that of the buffer. Valid until the next call that changes the buffer.
#pragma once

#include <shoal/buffers/block.hpp>

#include <cstddef>
#include <iterator>
#include <span>

namespace shoal {

class piece_range {
 public:
  class iterator {
   public:
    using value_type = std::span<const std::byte>;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    iterator() noexcept = default;
    iterator(const detail::segment* s, std::size_t left) noexcept : segment_{s}, left_{left} {}

    [[nodiscard]] value_type operator*() const noexcept { return {segment_->begin, piece()}; }
    iterator& operator++() noexcept {
      left_ -= piece();
      segment_ = segment_->next;
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return left_ == 0; }

   private:
    [[nodiscard]] std::size_t piece() const noexcept { return segment_->size() < left_ ? segment_->size() : left_; }
    const detail::segment* segment_ = nullptr;
    std::size_t left_ = 0;
  };

  piece_range(const detail::segment* first, std::size_t bytes) noexcept : first_{first}, bytes_{bytes} {}
  [[nodiscard]] iterator begin() const noexcept { return {first_, bytes_}; }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

 private:
  const detail::segment* first_;
  std::size_t bytes_;
};

}  // namespace shoal
