// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin_request.hpp"

namespace proxy {

admin_request parse_request(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const auto after_method = line.find(' ');
  const auto before_version = line.rfind(' ');
  if (after_method == std::string_view::npos || before_version == after_method) return {};
  const std::string_view version = line.substr(before_version + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return {};
  const std::string_view target = line.substr(after_method + 1, before_version - after_method - 1);
  if (!target.starts_with('/')) return {};
  return {.is_understood = true,
          .method = std::string{line.substr(0, after_method)},
          .path = std::string{target.substr(0, target.find('?'))}};
}

}  // namespace proxy
