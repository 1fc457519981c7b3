// SPDX-License-Identifier: Apache-2.0
// Writing across blocks, and inserting memory that is not ours.
#include <shoal/buffers/link_buffer.hpp>

#include <algorithm>
#include <bit>
#include <utility>

namespace shoal {

namespace {

/// The more is queued, the larger the next block, up to here: a long reply in few pieces for the kernel.
constexpr std::size_t largest_growth = std::size_t{64} << 10;

}  // namespace

result<std::span<std::byte>> link_buffer::malloc_slow(std::size_t n) {
  if (closed_) return fail(errc::closed);
  if (n == 0) return std::span<std::byte>{};
  if (n > max_contiguous) return fail(errc::message_too_long);
  const std::size_t queued = std::min<std::size_t>(write_at_ - read_at_, largest_growth);
  const unsigned needed = detail::class_for(n);
  const unsigned wanted = std::max(needed, detail::class_for(std::bit_floor(queued)));
  block* b = slab_->take_block(wanted);
  if (b == nullptr && wanted > needed) b = slab_->take_block(needed);
  if (b == nullptr) return fail(errc::no_memory);
  b->filled = static_cast<std::uint32_t>(n);
  link(slab::first_segment(b, b->data, b->data + n));
  write_at_ += n;
  return std::span{b->data, n};
}

result<void> link_buffer::malloc_ack(std::size_t n) {
  if (closed_) return fail(errc::closed);
  if (n > malloc_len()) return fail(errc::invalid_argument);
  if (n == malloc_len()) return {};
  write_at_ = commit_at_ + n;
  std::size_t left = len() + n;
  if (left == 0) {  // nothing stays but the first block, if spans point into it
    drop_all_of(std::exchange(read_->next, nullptr));
    leave_first();
    return {};
  }
  segment* s = read_;
  for (; left > s->size(); s = s->next) left -= s->size();
  // `s` is the last segment that stays; the room of its block is its own again if nobody else shares the block.
  std::byte* end = s->begin + left;
  if (s->end == s->owner->room_begin() && s->owner->refs == 1)
    s->owner->filled -= static_cast<std::uint32_t>(s->end - end);
  s->end = end;
  drop_all_of(std::exchange(s->next, nullptr));
  tail_ = s;
  return {};
}

result<void> link_buffer::write_slow(bytes data) {
  if (closed_) return fail(errc::closed);
  const std::uint64_t before = write_at_;
  while (!data.empty()) {
    const std::size_t room =
        tail_ != nullptr && tail_->end == tail_->owner->room_begin() ? tail_->owner->room() : std::size_t{0};
    const std::size_t piece = std::min(data.size(), room > 0 ? room : max_contiguous);
    auto to = malloc(piece);
    if (!to) [[unlikely]] {
      const std::error_code why = to.error();
      (void)malloc_ack(before - commit_at_);
      return fail(why);
    }
    copy_counted(copied(), to->data(), data.data(), piece);
    data = data.subspan(piece);
  }
  return {};
}

result<void> link_buffer::write_varint(std::uint64_t value) {
  const auto length = static_cast<std::size_t>(std::bit_width(value | 1) + 6) / 7;
  auto to = malloc(length);
  if (!to) return fail(to.error());
  for (std::byte& b : to->first(length - 1)) {
    b = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  to->back() = static_cast<std::byte>(value);
  return {};
}

/// Links all of external block `b` before the last `remain` written bytes, cutting the segment they begin in.
result<void> link_buffer::insert(block* b, std::size_t size, std::size_t remain) {
  std::size_t left = write_at_ - remain - read_at_;
  segment* s = read_;
  if (remain == 0) {
    s = tail_;
  } else if (left > 0) {
    for (; left > s->size(); s = s->next) left -= s->size();
    if (left < s->size()) {
      segment* rest = slab_->share(s->owner, s->begin + left, s->end);
      if (rest == nullptr) return fail(errc::no_memory);
      s->end = s->begin + left;
      rest->next = std::exchange(s->next, rest);
      if (tail_ == s) tail_ = rest;
    }
  } else {
    if (!pin_spans()) return fail(errc::no_memory);  // the first segment is going to be the second
    s = nullptr;
  }
  segment* fresh = slab::first_segment(b, b->data, b->data + size);
  segment*& before = s == nullptr ? read_ : s->next;
  fresh->next = std::exchange(before, fresh);
  if (fresh->next == nullptr) tail_ = fresh;
  write_at_ += size;
  return {};
}

}  // namespace shoal
