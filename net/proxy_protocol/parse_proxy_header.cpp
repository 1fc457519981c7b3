// SPDX-License-Identifier: Apache-2.0
#include <shoal/net/proxy_protocol/parse_proxy_header.hpp>

#include <shoal/net/proxy_protocol/header_bytes.hpp>

#include <algorithm>

namespace shoal {

proxy_header_look look_at_proxy_header(const link_buffer& input) {
  std::array<std::byte, detail::v2_signature.size()> scratch;
  const std::size_t here = std::min(input.len(), scratch.size());
  const std::string_view text = detail::as_text(detail::front(input, here, scratch));
  if (text.starts_with(detail::v1_signature)) return detail::look_at_v1(input);
  if (text == detail::v2_signature) return detail::look_at_v2(input);
  const bool may_become_one = detail::v1_signature.starts_with(text) || detail::v2_signature.starts_with(text);
  const auto state = may_become_one ? proxy_header_state::undecided : proxy_header_state::absent;
  return {.state = state, .length = input.len() + 1, .header = {}, .error = {}};
}

}  // namespace shoal
