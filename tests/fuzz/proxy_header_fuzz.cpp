// SPDX-License-Identifier: Apache-2.0
// Any bytes as a PROXY header, cut into two blocks where the first byte says: it is judged the same as in one, no part
// of it is judged too early, and what was read writes and reads back to the same.
#include <shoal/net/proxy_protocol/parse_proxy_header.hpp>
#include <shoal/net/proxy_protocol/write_proxy_header.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace {

using shoal::link_buffer;
using shoal::proxy_header;
using shoal::proxy_header_look;
using shoal::proxy_header_state;

bool is_decided(const proxy_header_look& seen) {
  return seen.state != proxy_header_state::undecided && seen.state != proxy_header_state::incomplete;
}

void add_block(link_buffer& to, std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return;
  auto block = to.home().allocate_block(bytes.size()).value();
  std::memcpy(block.data(), bytes.data(), bytes.size());
  SHOAL_CHECK(to.adopt(std::move(block), bytes.size()).has_value(), "room for some bytes");
}

bool is_same(const proxy_header& a, const proxy_header& b) {
  return a.is_local == b.is_local && a.has_checksum == b.has_checksum && a.source == b.source &&
         a.destination == b.destination && a.tlvs == b.tlvs;
}

void check_written(shoal::slab& memory, proxy_header header) {
  header.version = shoal::proxy_version::v2;
  link_buffer out{memory};
  const auto written = write_proxy_header(out, header);
  SHOAL_CHECK(written.has_value() && out.commit().has_value(), "what was read can't be written");
  const auto again = look_at_proxy_header(out);
  SHOAL_CHECK(again.state == proxy_header_state::complete && again.length == out.len(),
              "what was written can't be read");
  SHOAL_CHECK(is_same(again.header, header), "what was written is another header");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const shoal::slab_ptr memory = shoal::slab::make({});
  const std::span bytes{data + 1, size - 1};
  const std::size_t cut = data[0] % bytes.size();
  link_buffer whole{*memory};
  add_block(whole, bytes);
  link_buffer first{*memory};
  add_block(first, bytes.first(cut));
  const auto early = look_at_proxy_header(first);
  link_buffer split{*memory};
  add_block(split, bytes.first(cut));
  add_block(split, bytes.subspan(cut));
  const auto one = look_at_proxy_header(whole);
  const auto two = look_at_proxy_header(split);
  SHOAL_CHECK(one.state == two.state && one.length == two.length && one.error == two.error, "blocks make a difference");
  SHOAL_CHECK(is_decided(one) || one.length > bytes.size(), "it would look again without new bytes");
  SHOAL_CHECK(early.state != proxy_header_state::complete || one.state == proxy_header_state::complete,
              "a lost header");
  SHOAL_CHECK(one.state != proxy_header_state::complete || one.length > cut || is_decided(early), "one seen too late");
  if (one.state != proxy_header_state::complete) return 0;
  SHOAL_CHECK(one.length <= bytes.size() && is_same(one.header, two.header), "another header");
  check_written(*memory, one.header);
  return 0;
}
