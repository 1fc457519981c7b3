// SPDX-License-Identifier: Apache-2.0
#include <tests/buffers/link_buffer_model.hpp>

#include <algorithm>
#include <cstring>

namespace shoal::test {

void link_buffer_model::op_next(modelled& m) {
  doing_ = "next";
  const std::size_t n = any_part(m.committed.size());
  const auto span = m.real.next(n);
  if (!span) return expect(span.error() == errc::no_memory, "next");
  remember(m, *span, m.committed.substr(0, n));
  consumed(m, n);
}

void link_buffer_model::op_peek(modelled& m) {
  doing_ = "peek";
  const std::size_t n = any_part(m.committed.size());
  const auto span = m.real.peek(n);
  if (!span) return expect(span.error() == errc::no_memory, "peek");
  remember(m, *span, m.committed.substr(0, n));
}

void link_buffer_model::op_skip(modelled& m) {
  doing_ = "skip";
  const std::size_t n = any_part(m.committed.size());
  expect(m.real.skip(n).has_value(), "skip");
  consumed(m, n);
}

void link_buffer_model::op_until(modelled& m) {
  doing_ = "until";
  // A delimiter that is there as a rule, one to four bytes long, cut out of the content.
  std::string delimiter = "\n";
  if (!m.committed.empty() && !choices_.one_in(4)) {
    const std::size_t at = any_part(m.committed.size() - 1);
    delimiter = m.committed.substr(at, 1 + choices_.below(4));
  }
  const std::size_t at = m.committed.find(delimiter);
  expect(m.real.find(delimiter) == at, "find");
  if (delimiter.size() == 1 && choices_.one_in(4)) return all_until(m, delimiter[0]);
  const auto span = delimiter.size() == 1 ? m.real.until(delimiter[0]) : m.real.until(delimiter);
  if (!span && span.error() == errc::no_memory) return;
  if (at == std::string::npos) return expect(span.error() == errc::not_enough_data, "until what is not there");
  const std::size_t n = at + delimiter.size();
  expect(span.has_value(), "until");
  remember(m, *span, m.committed.substr(0, n));
  consumed(m, n);
}

void link_buffer_model::all_until(modelled& m, char delimiter) {
  std::size_t seen = 0;
  const auto count = m.real.each_until(delimiter, [&](std::span<const std::byte> message) {
    const std::size_t end = m.committed.find(delimiter, seen);
    expect(end != std::string::npos, "each_until: one message too many");
    remember(m, message, m.committed.substr(seen, end + 1 - seen));
    seen = end + 1;
  });
  if (count)
    expect(m.committed.find(delimiter, seen) == std::string::npos, "each_until: a message missing");
  else
    expect(count.error() == errc::no_memory, "each_until");
  consumed(m, seen);
}

void link_buffer_model::op_read_copy(modelled& m) {
  doing_ = "read a copy";
  const std::size_t n = any_part(m.committed.size());
  const std::string expected = m.committed.substr(0, n);
  std::vector<std::byte> to(n);
  switch (choices_.below(4)) {
    case 0: expect(m.real.read_string(n).value() == expected, "read_string"); break;
    case 1: to = m.real.read_binary(n).value(); break;
    case 2: expect(m.real.read_binary(to).has_value(), "read_binary"); break;
    default: expect(m.real.read_some(to).value() == n, "read_some"); break;
  }
  consumed(m, n);
}

void link_buffer_model::op_read_integers(modelled& m) {
  doing_ = "read integers";
  const auto unsigned_at = [&m](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<unsigned char>(m.committed[i]));
  };
  if (m.committed.size() < 8) return expect(m.real.read_u64_be().error() == errc::not_enough_data, "short u64");
  std::uint64_t expected = 0;
  for (std::size_t i = 0; i < 8; ++i) expected = expected << 8 | unsigned_at(i);
  expect(m.real.read_u64_be().value() == expected, "read_u64_be");
  consumed(m, 8);
  if (m.committed.size() < 3) return;
  expected = unsigned_at(0) | unsigned_at(1) << 8;
  expect(m.real.read_u16_le().value() == expected, "read_u16_le");
  consumed(m, 2);
  const auto first = unsigned_at(0);
  if (first < 0x80 && choices_.one_in(2))
    expect(m.real.read_varint().value() == first, "read_varint");
  else
    expect(m.real.read_byte().value() == static_cast<std::byte>(first), "read_byte");
  consumed(m, 1);
}

void link_buffer_model::op_too_much(modelled& m) {
  doing_ = "ask for too much";
  const std::size_t n = m.committed.size() + 1 + choices_.below(10);
  std::vector<std::byte> to(n);
  expect(m.real.next(n).error() == errc::not_enough_data, "next");
  expect(m.real.peek(n).error() == errc::not_enough_data, "peek");
  expect(m.real.skip(n).error() == errc::not_enough_data, "skip");
  expect(m.real.slice(n).error() == errc::not_enough_data, "slice");
  expect(m.real.take(n).error() == errc::not_enough_data, "take");
  expect(m.real.read_string(n).error() == errc::not_enough_data, "read_string");
  expect(m.real.read_binary(to).error() == errc::not_enough_data, "read_binary");
  expect(m.real.consume(n).error() == errc::not_enough_data, "consume");
  expect(!m.real.copy_out(1, to), "copy_out");
}

void link_buffer_model::op_look(modelled& m) {
  doing_ = "look";
  std::string pieces;
  for (const auto piece : m.real.pieces()) {
    expect(!piece.empty(), "empty piece");
    pieces.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
  expect(pieces == m.committed, "pieces");
  if (const auto text = m.real.contiguous()) expect(*text == m.committed, "contiguous");
  const std::size_t n = any_part(m.committed.size());
  expect(m.real.starts_with(m.committed.substr(0, n)), "starts_with");
  expect(!m.real.starts_with(m.committed + "x"), "starts_with too much");
  expect(m.real.to_string() == m.committed, "to_string");
  const modelled& other = any_buffer();
  expect((m.real == other.real) == (m.committed == other.committed), "comparison");
  const std::size_t from = any_part(m.committed.size());
  expect(m.real.find('a', from) == m.committed.find('a', from), "find from");
  std::string part(any_part(m.committed.size() - from), '\0');
  expect(m.real.copy_out(from, std::as_writable_bytes(std::span{part})), "copy_out");
  expect(part == m.committed.substr(from, part.size()), "copy_out content");
}

void link_buffer_model::op_slice(modelled& m) {
  doing_ = "slice";
  const std::size_t n = any_part(m.committed.size());
  auto slice = m.real.slice(n);
  if (!done_or_no_memory(slice, "slice")) return;
  keep_slice(std::move(*slice), m.committed.substr(0, n));
  consumed(m, n);
}

void link_buffer_model::op_take(modelled& m) {
  doing_ = "take";
  const std::size_t n = any_part(m.committed.size());
  const std::uint64_t copied = home_->counters().bytes_copied;
  auto taken = m.real.take(n);
  if (!done_or_no_memory(taken, "take")) return;
  expect(home_->counters().bytes_copied == copied, "take copies");
  keep_slice(std::move(*taken), m.committed.substr(0, n));
  m.committed.erase(0, n);
}

void link_buffer_model::op_take_all(modelled& m) {
  doing_ = "take_all";
  link_buffer taken = m.real.take_all();
  if (taken.empty() && !m.committed.empty()) return;  // exhausted: the bytes stay, check() sees to it
  keep_slice(std::move(taken), m.committed);
  m.committed.clear();
}

void link_buffer_model::op_release(modelled& m) {
  doing_ = "release";
  check_lent(m);
  m.real.release();
  m.lent.clear();
  m.spans_out = false;
  m.unreleased = 0;
  if (m.committed.empty() && m.pending.empty() && m.booked.empty())
    expect(m.real.held_bytes() == 0, "an empty buffer holds nothing");
}

}  // namespace shoal::test
