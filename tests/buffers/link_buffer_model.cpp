// SPDX-License-Identifier: Apache-2.0
#include <tests/buffers/link_buffer_model.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace shoal::test {

namespace {

constexpr std::size_t content_limit = 96 * 1024;  // above it, operations that add bytes don't

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

link_buffer_model::link_buffer_model(choices from)
    : choices_{from},
      home_{slab::make({.limit_bytes = std::size_t{12} << 20,
                        .reserve_bytes = std::size_t{256} << 10,
                        .mapped_cache_bytes = std::size_t{8} << 20,
                        .huge_pages = false})},
      abroad_{slab::make({.owner = 1, .limit_bytes = std::size_t{2} << 20, .huge_pages = false})} {
  buffers_.reserve(4);
  for (int i = 0; i < 4; ++i) buffers_.emplace_back(*home_);
}

const std::vector<link_buffer_model::operation>& link_buffer_model::operations() {
  using m = link_buffer_model;
  static const std::vector<operation> table = [] {
    std::vector<operation> all;
    const weighted weights[] = {
        {&m::op_malloc, 6},       {&m::op_malloc_ack, 4},   {&m::op_write_binary, 8},  {&m::op_write_integers, 4},
        {&m::op_write_owned, 3},  {&m::op_write_direct, 3}, {&m::op_commit, 10},       {&m::op_append, 6},
        {&m::op_append_slice, 4}, {&m::op_next, 10},        {&m::op_peek, 8},          {&m::op_skip, 5},
        {&m::op_until, 6},        {&m::op_read_copy, 4},    {&m::op_read_integers, 4}, {&m::op_too_much, 2},
        {&m::op_look, 3},         {&m::op_slice, 7},        {&m::op_take, 5},          {&m::op_take_all, 2},
        {&m::op_release, 10},     {&m::op_book, 8},         {&m::op_book_ack, 9},      {&m::op_adopt, 3},
        {&m::op_send, 8},         {&m::op_travel, 3},       {&m::op_compact, 2},       {&m::op_close, 1},
        {&m::op_move, 2},         {&m::op_slab, 2},
    };
    for (const auto& [run, weight] : weights) all.insert(all.end(), weight, run);
    return all;
  }();
  return table;
}

void link_buffer_model::step() {
  ++steps_;
  modelled& m = any_buffer();
  const auto& table = operations();
  (this->*table[choices_.below(table.size())])(m);
  check(m);
  // The others change only by operations on them, or as a source, which checks them itself; look at one now and then.
  if (choices_.one_in(16)) check(any_buffer());
}

void link_buffer_model::finish() {
  for (modelled& m : buffers_) check(m);
  for (const loose_slice& s : slices_) expect(s.real == std::string_view{s.content}, "slice at the end");
  slices_.clear();
  buffers_.clear();
  ballast_.clear();
  home_->drain_returns();
  abroad_->drain_returns();
  for (int i = 0; i < 2; ++i) home_->trim();  // the heads of cached mappings are nodes, too
  for (const slab* s : {home_.get(), abroad_.get()}) {
    const slab_counters& counters = s->counters();
    expect(counters.nodes_in_use == 0, "all nodes home");
    expect(counters.externals_in_use == 0, "all externals dropped");
    expect(counters.foreign_out == 0, "nothing abroad");
    for (const std::uint64_t blocks : counters.blocks_in_use) expect(blocks == 0, "all blocks home");
    expect(counters.bytes_in_use == counters.node_pages * 4096, "bytes in use are pages of nodes only");
    expect(s->bytes_held() <= s->limit(), "held below the limit");
  }
}

void link_buffer_model::expect(bool condition, const char* what) const {
  if (!condition) expect_failed(what);
}

void link_buffer_model::expect_failed(const char* what) const {
  std::fprintf(stderr, "link_buffer model: operation %llu (%s): %s\n", static_cast<unsigned long long>(steps_), doing_,
               what);
  std::fflush(nullptr);
  std::abort();
}

std::size_t link_buffer_model::any_size() {
  switch (choices_.below(16)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return 4096;
    case 3: return choices_.below(40000);
    case 4:
    case 5:
    case 6: return choices_.below(6000);
    default: return choices_.below(300);
  }
}

std::size_t link_buffer_model::any_part(std::size_t most) {
  if (most == 0) return 0;
  switch (choices_.below(8)) {
    case 0: return most;
    case 1:
    case 2:
    case 3: return choices_.below(std::min<std::size_t>(most, 20) + 1);
    case 4:
    case 5: return choices_.below(most / 4 + 1);
    default: return choices_.below(most + 1);
  }
}

std::string link_buffer_model::any_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = ++text_ * 0x9e3779b97f4a7c15;
  for (std::size_t i = 0; i < size; i += 8) {
    state = state * 6364136223846793005 + 1442695040888963407;
    std::memcpy(bytes.data() + i, &state, std::min<std::size_t>(8, size - i));
  }
  return bytes;
}

void link_buffer_model::check(modelled& m) {
  expect(m.real.len() == m.committed.size(), "len");
  expect(m.real.malloc_len() == m.pending.size(), "malloc_len");
  expect(m.real.empty() == m.committed.empty(), "empty");
  expect(m.real.unreleased() == m.unreleased, "unreleased");
  expect(m.real == std::string_view{m.committed}, "content");
  expect(m.real.commit_position() - m.real.read_position() == m.committed.size(), "positions");
  expect(m.real.read_position() >= m.read_at, "read position goes back");
  m.read_at = m.real.read_position();
  check_lent(m);
}

void link_buffer_model::check_lent(const modelled& m) const {
  for (const lent_span& lent : m.lent) expect(as_text(lent.span) == lent.content, "a span that was handed out changed");
}

void link_buffer_model::consumed(modelled& m, std::size_t n) {
  m.committed.erase(0, n);
  if (m.spans_out) m.unreleased += n;
}

void link_buffer_model::remember(modelled& m, std::span<const std::byte> span, std::string content) {
  expect(as_text(span) == content, "span content");
  if (!span.empty()) m.spans_out = true;
  if (m.lent.size() < 6) m.lent.push_back({span, std::move(content)});
}

void link_buffer_model::keep_slice(link_buffer real, std::string content) {
  expect(real == std::string_view{content}, "slice content");
  expect(real.len() == content.size() && real.malloc_len() == 0, "slice length");
  if (slices_.size() == 8) slices_.erase(slices_.begin() + choices_.below(8));
  slices_.push_back({std::move(real), std::move(content)});
}

void link_buffer_model::renew(modelled& m) {
  m.real = link_buffer{*home_};
  m.committed.clear();
  m.pending.clear();
  m.lent.clear();
  m.spans_out = false;
  m.unreleased = 0;
  m.booked = {};
  m.read_at = 0;
}

// --- writing --------------------------------------------------------------------------------------------------------

void link_buffer_model::op_malloc(modelled& m) {
  doing_ = "malloc";
  if (m.pending.size() > content_limit) return;
  if (choices_.one_in(64)) {  // above 1 MiB, where blocks are mappings; most of it dropped, to stay checkable
    auto large = m.real.malloc((std::size_t{1} << 20) + choices_.below(std::size_t{4} << 20));
    if (done_or_no_memory(large, "large malloc")) {
      m.pending += any_bytes(100);
      put(large->data(), m.pending.substr(m.pending.size() - 100));
      expect(m.real.malloc_ack(m.pending.size()).has_value(), "malloc_ack of a large malloc");
    }
    return;
  }
  const std::string bytes = any_bytes(any_size());
  auto to = m.real.malloc(bytes.size());
  if (!done_or_no_memory(to, "malloc")) return;
  expect(to->size() == bytes.size(), "malloc size");
  put(to->data(), bytes);
  m.pending += bytes;
}

void link_buffer_model::op_malloc_ack(modelled& m) {
  doing_ = "malloc_ack";
  const std::size_t n = any_part(m.pending.size());
  expect(m.real.malloc_ack(m.pending.size() + 1).error() == errc::invalid_argument, "malloc_ack of too many");
  expect(m.real.malloc_ack(n).has_value(), "malloc_ack");
  m.pending.resize(n);
}

void link_buffer_model::op_write_binary(modelled& m) {
  doing_ = "write_binary";
  if (m.pending.size() > content_limit) return;
  const std::string bytes = any_bytes(any_size());
  if (done_or_no_memory(m.real.write_string(bytes), "write_string")) m.pending += bytes;
}

void link_buffer_model::op_write_integers(modelled& m) {
  doing_ = "write integers";
  if (m.pending.size() > content_limit) return;
  if (done_or_no_memory(m.real.write_u16_be(0x0102), "u16_be")) m.pending += "\x01\x02";
  if (done_or_no_memory(m.real.write_u32_le(0x04030201), "u32_le")) m.pending += "\x01\x02\x03\x04";
  if (done_or_no_memory(m.real.write_u64_be(0x0102030405060708), "u64_be")) m.pending += "\1\2\3\4\5\6\7\10";
  if (done_or_no_memory(m.real.write_byte(std::byte{'!'}), "byte")) m.pending += '!';
  if (done_or_no_memory(m.real.write_varint(300), "varint")) m.pending += "\xac\x02";
}

void link_buffer_model::op_write_owned(modelled& m) {
  doing_ = "write_owned";
  if (m.pending.size() > content_limit) return;
  const std::string bytes = any_bytes(any_size());
  std::string owner = bytes;
  if (done_or_no_memory(m.real.write_owned(std::move(owner)), "write_owned"))
    m.pending += bytes;
  else
    expect(owner == bytes, "a refused owner is untouched");
}

void link_buffer_model::op_write_direct(modelled& m) {
  doing_ = "write_direct";
  if (m.pending.size() > content_limit) return;
  const std::string bytes = any_bytes(any_size());
  const std::size_t remain = any_part(m.pending.size());
  std::vector<std::byte> owner(bytes.size());
  put(owner.data(), bytes);
  expect(m.real.write_direct(std::string{"x"}, m.pending.size() + 1).error() == errc::invalid_argument, "remain");
  if (done_or_no_memory(m.real.write_direct(std::move(owner), remain), "write_direct"))
    m.pending.insert(m.pending.size() - remain, bytes);
  else
    expect(owner.size() == bytes.size(), "a refused owner is untouched");
}

void link_buffer_model::op_commit(modelled& m) {
  doing_ = "commit";
  expect(m.real.commit().has_value(), "commit");
  m.committed += m.pending;
  m.pending.clear();
}

void link_buffer_model::op_append(modelled& m) {
  doing_ = "append";
  modelled& source = any_buffer();
  if (m.pending.size() + m.committed.size() > content_limit) return;
  const bool moved = done_or_no_memory(m.real.append(std::move(source.real)), "append");
  if (&source == &m || !moved) return;
  m.pending += source.committed + source.pending;
  source.committed.clear();
  source.pending.clear();
  check(source);
}

void link_buffer_model::op_append_slice(modelled& m) {
  doing_ = "append a slice";
  if (slices_.empty() || m.pending.size() + m.committed.size() > content_limit) return;
  const auto at = slices_.begin() + choices_.below(slices_.size());
  expect(at->real == std::string_view{at->content}, "slice content later");
  expect(m.real.append(std::move(at->real)).has_value(), "append of a slice");
  m.pending += at->content;
  slices_.erase(at);
}

}  // namespace shoal::test
