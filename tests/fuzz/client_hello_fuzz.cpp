// SPDX-License-Identifier: Apache-2.0
// Any bytes as a ClientHello: judged the same in one block and piece by piece, in pieces as the first byte says; never
// looked at in vain; and a name that is found is a host's.
#include <shoal/net/sni/client_hello.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace {

using shoal::client_hello_look;
using shoal::client_hello_parser;
using shoal::link_buffer;
using bytes = std::span<const std::uint8_t>;
using state = client_hello_look::state;

void add_block(link_buffer& to, bytes more) {
  auto block = to.home().allocate_block(more.size()).value();
  std::memcpy(block.data(), more.data(), more.size());
  SHOAL_CHECK(to.adopt(std::move(block), more.size()).has_value(), "room for some bytes");
}

client_hello_look piece_by_piece(shoal::slab& memory, bytes all, std::size_t size) {
  link_buffer input{memory};
  client_hello_parser parser;
  client_hello_look seen;
  while (seen.is == state::incomplete && !all.empty()) {
    const std::size_t n = std::min(size, all.size());
    add_block(input, all.first(n));
    all = all.subspan(n);
    if (input.len() < seen.wanted) continue;
    seen = parser.look(input);
    SHOAL_CHECK(seen.is != state::incomplete || seen.wanted > input.len(), "it would look again without new bytes");
  }
  return seen;
}

void check_name(std::string_view name) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  SHOAL_CHECK(name.size() <= 255 && name.find_first_not_of(plain) == std::string_view::npos, "a name that is none");
  SHOAL_CHECK(!name.starts_with('.') && !name.ends_with('.') && name.find("..") == std::string_view::npos,
              "an empty label");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const shoal::slab_ptr memory = shoal::slab::make({});
  const bytes all{data + 1, size - 1};
  link_buffer input{*memory};
  add_block(input, all);
  client_hello_parser parser;
  const auto whole = parser.look(input);
  const auto pieces = piece_by_piece(*memory, all, std::size_t{data[0]} % 64 + 1);
  SHOAL_CHECK(whole.is == pieces.is && whole.error == pieces.error, "pieces make a difference");
  SHOAL_CHECK(whole.server_name == pieces.server_name, "pieces make another name");
  if (whole.is == state::complete) check_name(whole.server_name);
  return 0;
}
