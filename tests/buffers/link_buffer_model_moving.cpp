// SPDX-License-Identifier: Apache-2.0
#include <tests/buffers/link_buffer_model.hpp>

#include <algorithm>
#include <cstring>

namespace shoal::test {

void link_buffer_model::op_book(modelled& m) {
  doing_ = "book";
  if (m.committed.size() > 96 * 1024) return;
  const std::size_t cap = choices_.one_in(4) ? 1 + choices_.below(5000) : link_buffer::npos;
  auto space = choices_.one_in(3) ? m.real.book_behind(any_buffer().real, cap) : m.real.book(cap);
  if (!m.booked.empty()) return expect(space.error() == errc::concurrent_access, "two bookings");
  if (!done_or_no_memory(space, "book")) return;
  expect(!space->empty() && space->size() <= cap, "size of the booking");
  m.booked = *space;
}

void link_buffer_model::op_book_ack(modelled& m) {
  doing_ = "book_ack";
  if (m.booked.empty()) return expect(m.real.book_ack(0).error() == errc::invalid_argument, "ack of nothing");
  expect(m.real.book_ack(m.booked.size() + 1).error() == errc::invalid_argument, "ack of too many");
  // Large bookings are mostly filled a little: the content must stay checkable.
  const std::size_t most = std::min<std::size_t>(m.booked.size(), choices_.one_in(8) ? 40000 : 5000);
  const std::size_t n = any_part(most);
  const std::string bytes = any_bytes(n);
  put(m.booked.data(), bytes);
  m.booked = {};
  const auto acked = m.real.book_ack(n);
  if (!acked) return expect(acked.error() == errc::no_memory, "book_ack");
  if (n == 0) return;
  m.committed += m.pending + bytes;
  m.pending.clear();
}

void link_buffer_model::op_adopt(modelled& m) {
  doing_ = "adopt";
  if (m.committed.size() > 96 * 1024) return;
  auto block = home_->allocate_block(1 + choices_.below(10000));
  if (!block) return;
  const std::size_t from = choices_.one_in(4) ? choices_.below(100) : 0;
  const std::string bytes = any_bytes(any_part(std::min<std::size_t>(block->capacity() - from, 9000)));
  put(block->data() + from, bytes);
  expect(m.real.adopt(block->share(), block->capacity() + 1).error() == errc::invalid_argument, "adopt too much");
  if (!done_or_no_memory(m.real.adopt(std::move(*block), bytes.size(), from), "adopt")) return;
  if (bytes.empty()) return;
  m.committed += m.pending + bytes;
  m.pending.clear();
}

/// What a poller does with output: lends pieces, then takes away what was sent.
void link_buffer_model::op_send(modelled& m) {
  doing_ = "get_bytes and consume";
  std::array<iovec, 5> pieces;
  const std::size_t used = m.real.get_bytes(pieces);
  std::string sent;
  for (std::size_t i = 0; i < used; ++i) sent.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  expect(m.committed.starts_with(sent), "get_bytes");
  expect(used == pieces.size() || sent.size() == m.committed.size(), "get_bytes: all that fits");
  const std::size_t n = any_part(sent.size());
  check_lent(m);
  expect(m.real.consume(n).has_value(), "consume");
  m.committed.erase(0, n);
  expect(m.real.unreleased() == 0, "consume releases");
  m.unreleased = 0;
  m.lent.clear();
  m.spans_out = false;
}

void link_buffer_model::op_travel(modelled& m) {
  doing_ = "travel abroad";
  auto slice = m.real.slice(any_part(m.committed.size()));
  if (!done_or_no_memory(slice, "slice")) return;
  const std::string content = m.committed.substr(0, slice->len());
  consumed(m, content.size());
  auto leaving = foreign_slice::depart(std::move(*slice));
  if (!done_or_no_memory(leaving, "depart")) return;
  expect(leaving->size() == content.size(), "size abroad");
  expect(leaving->home() == (content.empty() ? no_shard : home_->owner()), "home");
  switch (choices_.below(3)) {
    case 0: break;  // dropped abroad
    case 1: keep_slice(std::move(*leaving).come_home(*home_), content); break;
    default: {
      link_buffer there{*abroad_};
      if (!there.append(std::move(*leaving))) break;
      (void)there.commit();
      expect(there == std::string_view{content}, "content abroad");
      (void)there.skip(any_part(there.len()));
      break;
    }
  }
  home_->drain_returns();
}

void link_buffer_model::op_compact(modelled& m) {
  doing_ = "compact";
  const std::size_t held = m.real.held_bytes();
  const std::size_t freed = m.real.compact();
  expect(m.real.held_bytes() <= held, "compact takes");
  expect(freed == 0 || m.real.held_bytes() < held, "compact frees what it says");
}

void link_buffer_model::op_close(modelled& m) {
  doing_ = "close";
  if (!choices_.one_in(8)) return;
  m.real.close();
  std::vector<std::byte> to(1);
  expect(m.real.is_closed() && m.real.len() == 0 && m.real.malloc_len() == 0, "state");
  expect(m.real.next(1).error() == errc::closed && m.real.next(0).error() == errc::closed, "next");
  expect(m.real.peek(1).error() == errc::closed && m.real.skip(1).error() == errc::closed, "peek, skip");
  expect(m.real.until('x').error() == errc::closed && m.real.read_u8().error() == errc::closed, "until, read_u8");
  expect(m.real.slice(1).error() == errc::closed && m.real.take(0).error() == errc::closed, "slice, take");
  expect(m.real.malloc(1).error() == errc::closed && m.real.malloc_ack(0).error() == errc::closed, "malloc");
  expect(m.real.write_string("x").error() == errc::closed, "write_string");
  expect(m.real.write_owned(std::string(5000, 'x')).error() == errc::closed, "write_owned");
  expect(m.real.append(link_buffer{*home_}).error() == errc::closed, "append");
  expect(m.real.commit().error() == errc::closed && m.real.consume(0).error() == errc::closed, "commit, consume");
  expect(m.real.book().error() == errc::closed && m.real.book_ack(0).error() == errc::closed, "book");
  m.real.release();
  expect(m.real.take_all().empty() && m.real.held_bytes() == 0 && m.real.compact() == 0, "the rest");
  renew(m);
}

void link_buffer_model::op_move(modelled& m) {
  doing_ = "move";
  modelled& other = any_buffer();
  if (&other == &m || choices_.one_in(2)) {
    link_buffer moved{std::move(m.real)};
    expect(m.real.empty() && m.real.malloc_len() == 0 && m.real.held_bytes() == 0, "moved from");
    m.real = std::move(moved);
    return;
  }
  check_lent(m);
  std::swap(m, other);
  check(other);
}

/// Pressure from outside: blocks that somebody else holds, returns, trimming.
void link_buffer_model::op_slab(modelled&) {
  doing_ = "slab";
  switch (choices_.below(4)) {
    case 0: ballast_.clear(); break;
    case 1: home_->trim(); break;
    default:
      for (unsigned i = choices_.below(12); i > 0; --i) {
        auto block = home_->allocate_block(std::size_t{4096} << choices_.below(12));
        if (block) ballast_.push_back(std::move(*block));
      }
  }
  expect(home_->bytes_held() <= home_->limit(), "held below the limit");
}

}  // namespace shoal::test
