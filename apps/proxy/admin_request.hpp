// SPDX-License-Identifier: Apache-2.0
// The request line of an HTTP/1 request (RFC 9112, 3), as far as the admin server needs it.
#pragma once

#include <string>
#include <string_view>

namespace proxy {

struct admin_request {
  bool is_understood = false;
  std::string method;
  std::string path;  // without its query

  [[nodiscard]] bool may_be_answered() const { return method == "GET" || method == "HEAD"; }
};

/// `head`: the bytes up to the empty line.
[[nodiscard]] admin_request parse_request(std::string_view head);

}  // namespace proxy
