// SPDX-License-Identifier: Apache-2.0
// server_names: which of several things belongs to a server name.
//
//   "db.example.com"    this name
//   "*.example.com"     all names below example.com, however deep; not example.com itself
//   "*"                 the rest, and clients that name nothing
//
// The longest that matches counts, whatever the order of adding.
//
// Thread rule: filled by one thread; read by any afterwards.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace shoal {

class server_names {
 public:
  /// False if the same is there already; letters' case does not count.
  bool add(std::string_view pattern, std::size_t value);
  /// `name` in lower case; empty: none.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  [[nodiscard]] bool empty() const noexcept { return exact_.empty() && below_.empty() && !rest_; }

 private:
  using table = std::map<std::string, std::size_t, std::less<>>;

  table exact_;
  table below_;  // "example.com" for "*.example.com"
  std::optional<std::size_t> rest_;
};

}  // namespace shoal
